-- Payloads are JSON, not JSONB: it keeps numbers, the order of keys and every string exactly as they were given.
-- Keys sort by code point (COLLATE "C"), as in the other databases.

CREATE TABLE schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A row of each writing transaction of the last hour: whether it happened, where the answer to its commit was lost.
CREATE TABLE transaction_receipts (
    id TEXT COLLATE "C" PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT statement_timestamp()
);

CREATE TABLE jobs (
    id               TEXT COLLATE "C" PRIMARY KEY,
    user_id          TEXT NOT NULL,
    job_type         TEXT NOT NULL,
    status           TEXT NOT NULL DEFAULT 'pending' CHECK (status IN (
                         'pending', 'running', 'waiting_for_approval', 'completed', 'failed', 'cancelled',
                         'needs_review')),
    request_payload  JSON NOT NULL,
    client_key       TEXT,
    run              INTEGER NOT NULL DEFAULT 1,
    epoch            BIGINT NOT NULL DEFAULT 0,
    signals          BIGINT NOT NULL DEFAULT 0,
    due_at           TIMESTAMPTZ,
    lease_owner      TEXT,
    lease_until      TIMESTAMPTZ NOT NULL DEFAULT 'epoch',
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    plan             JSON,
    error_message    TEXT,
    created_at       TIMESTAMPTZ NOT NULL,
    started_at       TIMESTAMPTZ,
    completed_at     TIMESTAMPTZ,
    updated_at       TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, client_key)
);

CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_by_user ON jobs (user_id, created_at DESC, id DESC);
CREATE INDEX jobs_by_time ON jobs (created_at DESC, id DESC);

CREATE TABLE job_events (
    job_id TEXT COLLATE "C" NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    run    INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    data   JSON NOT NULL,
    at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job_id, seq)
);

CREATE TABLE attempts (
    job_id     TEXT COLLATE "C" NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    run        INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    number     INTEGER NOT NULL,
    performer  TEXT NOT NULL,
    state      TEXT NOT NULL,
    not_before TIMESTAMPTZ NOT NULL,
    not_after  TIMESTAMPTZ NOT NULL,
    owner      TEXT,
    started_at TIMESTAMPTZ,
    ended_at   TIMESTAMPTZ,
    outcome    JSON,
    PRIMARY KEY (job_id, run, seq, agent, number)
);

CREATE TABLE agent_results (
    job_id            TEXT COLLATE "C" NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    agent_name        TEXT COLLATE "C" NOT NULL,
    result_payload    JSON NOT NULL,
    seq               INTEGER,
    execution_time_ms BIGINT,
    usage             JSON,
    produced_by       TEXT,
    created_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job_id, agent_name)
);

CREATE TABLE documents (
    namespace  TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    body       JSON NOT NULL,
    version    BIGINT NOT NULL,
    expires_at TIMESTAMPTZ,
    PRIMARY KEY (namespace, key)
);

CREATE INDEX documents_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
