-- Kamailio's own tables, in a schema of their own: bindings and dialogs, kept over a restart of the switch.
-- Idempotent; run by a role that may create schemas. Columns as Kamailio 5.6 wants them (location 9, dialog 7,
-- dialog_vars 1), but without its length limits: a long header must not make the write of a dialog fail.

CREATE SCHEMA IF NOT EXISTS kamailio;

CREATE TABLE IF NOT EXISTS kamailio.version (
    id serial PRIMARY KEY,
    table_name varchar(32) NOT NULL UNIQUE,
    table_version integer NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS kamailio.location (
    id serial PRIMARY KEY,
    ruid varchar NOT NULL DEFAULT '' UNIQUE,
    username varchar NOT NULL DEFAULT '',
    domain varchar,
    contact varchar NOT NULL DEFAULT '',
    received varchar,
    path varchar,
    expires timestamp NOT NULL DEFAULT '2030-05-28 21:32:15',
    q real NOT NULL DEFAULT 1.0,
    callid varchar NOT NULL DEFAULT '',
    cseq integer NOT NULL DEFAULT 1,
    last_modified timestamp NOT NULL DEFAULT '2000-01-01 00:00:01',
    flags integer NOT NULL DEFAULT 0,
    cflags integer NOT NULL DEFAULT 0,
    user_agent varchar NOT NULL DEFAULT '',
    socket varchar,
    methods integer,
    instance varchar,
    reg_id integer NOT NULL DEFAULT 0,
    server_id integer NOT NULL DEFAULT 0,
    connection_id integer NOT NULL DEFAULT 0,
    keepalive integer NOT NULL DEFAULT 0,
    partition integer NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS location_account_contact_idx ON kamailio.location (username, domain, contact);
CREATE INDEX IF NOT EXISTS location_expires_idx ON kamailio.location (expires);
CREATE INDEX IF NOT EXISTS location_connection_idx ON kamailio.location (server_id, connection_id);

CREATE TABLE IF NOT EXISTS kamailio.dialog (
    id serial PRIMARY KEY,
    hash_entry integer NOT NULL,
    hash_id integer NOT NULL,
    callid varchar NOT NULL,
    from_uri varchar NOT NULL,
    from_tag varchar NOT NULL,
    to_uri varchar NOT NULL,
    to_tag varchar NOT NULL,
    caller_cseq varchar NOT NULL,
    callee_cseq varchar NOT NULL,
    caller_route_set varchar,
    callee_route_set varchar,
    caller_contact varchar NOT NULL,
    callee_contact varchar NOT NULL,
    caller_sock varchar NOT NULL,
    callee_sock varchar NOT NULL,
    state integer NOT NULL,
    start_time integer NOT NULL,
    timeout integer NOT NULL DEFAULT 0,
    sflags integer NOT NULL DEFAULT 0,
    iflags integer NOT NULL DEFAULT 0,
    toroute_name varchar,
    req_uri varchar NOT NULL,
    xdata varchar
);
CREATE INDEX IF NOT EXISTS dialog_hash_idx ON kamailio.dialog (hash_entry, hash_id);

CREATE TABLE IF NOT EXISTS kamailio.dialog_vars (
    id serial PRIMARY KEY,
    hash_entry integer NOT NULL,
    hash_id integer NOT NULL,
    dialog_key varchar NOT NULL,
    dialog_value varchar NOT NULL
);
CREATE INDEX IF NOT EXISTS dialog_vars_hash_idx ON kamailio.dialog_vars (hash_entry, hash_id);

INSERT INTO kamailio.version (table_name, table_version)
VALUES ('version', 1), ('location', 9), ('dialog', 7), ('dialog_vars', 1)
ON CONFLICT (table_name) DO UPDATE SET table_version = excluded.table_version;

-- The switch's role sees this schema and nothing else. Its password is set by whoever starts the product.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'voipbilling_switch') THEN
        BEGIN
            CREATE ROLE voipbilling_switch LOGIN;
        EXCEPTION
            -- Two starts at once share one server's roles.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
END $$;
DO $$
BEGIN
    -- Kamailio names its tables without a schema.
    EXECUTE format('ALTER ROLE voipbilling_switch IN DATABASE %I SET search_path = kamailio', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO voipbilling_switch', current_database());
END $$;
GRANT USAGE ON SCHEMA kamailio TO voipbilling_switch;
GRANT SELECT ON kamailio.version TO voipbilling_switch;
GRANT SELECT, INSERT, UPDATE, DELETE ON kamailio.location, kamailio.dialog, kamailio.dialog_vars TO voipbilling_switch;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA kamailio TO voipbilling_switch;
