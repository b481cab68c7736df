-- Orleans' own tables: the AdoNet providers send nothing but the texts in orleansquery, with these parameters and columns.

CREATE TABLE orleansquery (
  querykey  varchar(64)   PRIMARY KEY,
  querytext varchar(8000) NOT NULL
);

-- Clustering.
CREATE TABLE orleansmembershipversiontable (
  deploymentid varchar(150)   PRIMARY KEY,
  timestamp    timestamptz(3) NOT NULL DEFAULT now(),
  version      integer        NOT NULL DEFAULT 0
);

CREATE TABLE orleansmembershiptable (
  deploymentid varchar(150)   NOT NULL REFERENCES orleansmembershipversiontable (deploymentid),
  address      varchar(45)    NOT NULL,
  port         integer        NOT NULL,
  generation   integer        NOT NULL,
  siloname     varchar(150)   NOT NULL,
  hostname     varchar(150)   NOT NULL,
  status       integer        NOT NULL,
  proxyport    integer,
  suspecttimes varchar(8000),
  starttime    timestamptz(3) NOT NULL,
  iamalivetime timestamptz(3) NOT NULL,
  PRIMARY KEY (deploymentid, address, port, generation)
);

-- A write of a member also advances the table's version, or does nothing at all: both are one statement, and the version's
-- row lock lets one writer through at a time.
INSERT INTO orleansquery (querykey, querytext) VALUES
('InsertMembershipVersionKey', '
WITH added AS (
  INSERT INTO orleansmembershipversiontable (deploymentid) VALUES (@DeploymentId)
  ON CONFLICT (deploymentid) DO NOTHING
  RETURNING 1)
SELECT count(*)::int FROM added'),
('InsertMembershipKey', '
WITH advanced AS (
  UPDATE orleansmembershipversiontable v
  SET version = v.version + 1, timestamp = now()
  WHERE v.deploymentid = @DeploymentId AND v.version = @Version
    AND NOT EXISTS (
      SELECT 1 FROM orleansmembershiptable m
      WHERE m.deploymentid = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
  RETURNING v.deploymentid),
added AS (
  INSERT INTO orleansmembershiptable
    (deploymentid, address, port, generation, siloname, hostname, status, proxyport, starttime, iamalivetime)
  SELECT deploymentid, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime
  FROM advanced
  RETURNING 1)
SELECT count(*)::int FROM added'),
('UpdateMembershipKey', '
WITH advanced AS (
  UPDATE orleansmembershipversiontable v
  SET version = v.version + 1, timestamp = now()
  WHERE v.deploymentid = @DeploymentId AND v.version = @Version
    AND EXISTS (
      SELECT 1 FROM orleansmembershiptable m
      WHERE m.deploymentid = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
  RETURNING v.deploymentid),
changed AS (
  UPDATE orleansmembershiptable m
  SET status = @Status, suspecttimes = @SuspectTimes, iamalivetime = @IAmAliveTime
  FROM advanced a
  WHERE m.deploymentid = a.deploymentid AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
  RETURNING 1)
SELECT count(*)::int FROM changed'),
('UpdateIAmAlivetimeKey', '
UPDATE orleansmembershiptable
SET iamalivetime = @IAmAliveTime
WHERE deploymentid = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation'),
('MembershipReadRowKey', '
SELECT v.deploymentid, m.address, m.port, m.generation, m.siloname, m.hostname, m.status, m.proxyport, m.suspecttimes,
       m.starttime, m.iamalivetime, v.version
FROM orleansmembershipversiontable v
LEFT JOIN orleansmembershiptable m
  ON m.deploymentid = v.deploymentid AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
WHERE v.deploymentid = @DeploymentId'),
('MembershipReadAllKey', '
SELECT v.deploymentid, m.address, m.port, m.generation, m.siloname, m.hostname, m.status, m.proxyport, m.suspecttimes,
       m.starttime, m.iamalivetime, v.version
FROM orleansmembershipversiontable v
LEFT JOIN orleansmembershiptable m ON m.deploymentid = v.deploymentid
WHERE v.deploymentid = @DeploymentId'),
('GatewaysQueryKey', '
SELECT address, proxyport, generation
FROM orleansmembershiptable
WHERE deploymentid = @DeploymentId AND status = @Status AND proxyport > 0'),
('DeleteMembershipTableEntriesKey', '
WITH members AS (DELETE FROM orleansmembershiptable WHERE deploymentid = @DeploymentId)
DELETE FROM orleansmembershipversiontable WHERE deploymentid = @DeploymentId'),
-- Status 3 is Active: an active member is never cleaned away.
('CleanupDefunctSiloEntriesKey', '
DELETE FROM orleansmembershiptable
WHERE deploymentid = @DeploymentId AND iamalivetime < @IAmAliveTime AND status <> 3');

-- Reminders.
CREATE TABLE orleansreminderstable (
  serviceid    varchar(150)   NOT NULL,
  grainid      varchar(150)   NOT NULL,
  remindername varchar(150)   NOT NULL,
  starttime    timestamptz(3) NOT NULL,
  period       bigint         NOT NULL,
  grainhash    integer        NOT NULL,
  version      integer        NOT NULL,
  PRIMARY KEY (serviceid, grainid, remindername)
);

CREATE INDEX orleansreminderstable_grainhash_idx ON orleansreminderstable (serviceid, grainhash);

INSERT INTO orleansquery (querykey, querytext) VALUES
('UpsertReminderRowKey', '
INSERT INTO orleansreminderstable AS r (serviceid, grainid, remindername, starttime, period, grainhash, version)
VALUES (@ServiceId, @GrainId, @ReminderName, @StartTime, @Period::bigint, @GrainHash, 0)
ON CONFLICT (serviceid, grainid, remindername) DO UPDATE
SET starttime = excluded.starttime, period = excluded.period, grainhash = excluded.grainhash, version = r.version + 1
RETURNING version'),
('ReadReminderRowKey', '
SELECT grainid, remindername, starttime, period, version
FROM orleansreminderstable
WHERE serviceid = @ServiceId AND grainid = @GrainId AND remindername = @ReminderName'),
('ReadReminderRowsKey', '
SELECT grainid, remindername, starttime, period, version
FROM orleansreminderstable
WHERE serviceid = @ServiceId AND grainid = @GrainId'),
('ReadRangeRows1Key', '
SELECT grainid, remindername, starttime, period, version
FROM orleansreminderstable
WHERE serviceid = @ServiceId AND grainhash > @BeginHash AND grainhash <= @EndHash'),
('ReadRangeRows2Key', '
SELECT grainid, remindername, starttime, period, version
FROM orleansreminderstable
WHERE serviceid = @ServiceId AND (grainhash > @BeginHash OR grainhash <= @EndHash)'),
('DeleteReminderRowKey', '
WITH removed AS (
  DELETE FROM orleansreminderstable
  WHERE serviceid = @ServiceId AND grainid = @GrainId AND remindername = @ReminderName AND version = @Version
  RETURNING 1)
SELECT count(*)::int FROM removed'),
('DeleteReminderRowsKey', '
DELETE FROM orleansreminderstable WHERE serviceid = @ServiceId');

-- Grain storage, of the coordinators. The unique index is what lets only one of two first writes win.
CREATE TABLE orleansstorage (
  grainidhash            integer      NOT NULL,
  grainidn0              bigint       NOT NULL,
  grainidn1              bigint       NOT NULL,
  graintypehash          integer      NOT NULL,
  graintypestring        varchar(512) NOT NULL,
  grainidextensionstring varchar(512),
  serviceid              varchar(150) NOT NULL,
  payloadbinary          bytea,
  modifiedon             timestamptz  NOT NULL,
  version                integer      NOT NULL
);

CREATE UNIQUE INDEX orleansstorage_identity_key
  ON orleansstorage (grainidn0, grainidn1, graintypestring, serviceid, grainidextensionstring) NULLS NOT DISTINCT;

INSERT INTO orleansquery (querykey, querytext) VALUES
('WriteToStorageKey', '
WITH updated AS (
  UPDATE orleansstorage
  SET payloadbinary = @PayloadBinary, modifiedon = now(), version = version + 1
  WHERE grainidn0 = @GrainIdN0 AND grainidn1 = @GrainIdN1 AND graintypestring = @GrainTypeString
    AND serviceid = @ServiceId AND grainidextensionstring IS NOT DISTINCT FROM @GrainIdExtensionString
    AND version = @GrainStateVersion
  RETURNING version),
inserted AS (
  INSERT INTO orleansstorage
    (grainidhash, grainidn0, grainidn1, graintypehash, graintypestring, grainidextensionstring, serviceid, payloadbinary, modifiedon, version)
  SELECT @GrainIdHash, @GrainIdN0, @GrainIdN1, @GrainTypeHash, @GrainTypeString, @GrainIdExtensionString, @ServiceId, @PayloadBinary, now(), 1
  WHERE @GrainStateVersion IS NULL
  ON CONFLICT DO NOTHING
  RETURNING version)
SELECT coalesce((SELECT version FROM updated), (SELECT version FROM inserted), @GrainStateVersion) AS newgrainstateversion'),
('ReadFromStorageKey', '
SELECT payloadbinary, version
FROM orleansstorage
WHERE grainidn0 = @GrainIdN0 AND grainidn1 = @GrainIdN1 AND graintypestring = @GrainTypeString
  AND serviceid = @ServiceId AND grainidextensionstring IS NOT DISTINCT FROM @GrainIdExtensionString'),
('ClearStorageKey', '
UPDATE orleansstorage
SET payloadbinary = NULL, modifiedon = now(), version = version + 1
WHERE grainidn0 = @GrainIdN0 AND grainidn1 = @GrainIdN1 AND graintypestring = @GrainTypeString
  AND serviceid = @ServiceId AND grainidextensionstring IS NOT DISTINCT FROM @GrainIdExtensionString
  AND version = @GrainStateVersion
RETURNING version AS newgrainstateversion'),
('DeleteStorageKey', '
DELETE FROM orleansstorage
WHERE grainidn0 = @GrainIdN0 AND grainidn1 = @GrainIdN1 AND graintypestring = @GrainTypeString
  AND serviceid = @ServiceId AND grainidextensionstring IS NOT DISTINCT FROM @GrainIdExtensionString
  AND version = @GrainStateVersion
RETURNING version + 1 AS newgrainstateversion');
