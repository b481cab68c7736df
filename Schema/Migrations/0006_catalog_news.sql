-- Projects, repositories, pipelines and tokens that came, changed or went are told to every silo, whoever wrote them: a screen
-- that shows them need not ask. By row, so that a statement that changed nothing tells nothing; one transaction tells it once.
CREATE FUNCTION shipinator_tell_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('shipinator_catalog', '');
  RETURN NULL;
END;
$$;

CREATE TRIGGER projects_news     AFTER INSERT OR UPDATE OR DELETE ON projects     FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();
CREATE TRIGGER repositories_news AFTER INSERT OR UPDATE OR DELETE ON repositories FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();
CREATE TRIGGER pipelines_news    AFTER INSERT OR UPDATE OR DELETE ON pipelines    FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();
CREATE TRIGGER api_tokens_news   AFTER INSERT OR UPDATE OR DELETE ON api_tokens   FOR EACH ROW EXECUTE FUNCTION shipinator_tell_catalog();
