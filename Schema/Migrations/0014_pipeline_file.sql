-- Where the pipeline file of a repository lies, when not at the usual place. An older silo reads the usual place.
ALTER TABLE repositories ADD COLUMN pipeline_file text CHECK (pipeline_file <> '' AND length(pipeline_file) <= 250);
