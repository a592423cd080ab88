-- Times are seconds since the epoch, payloads are JSON text.

CREATE TABLE jobs (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL,
    job_type        TEXT NOT NULL,
    status          TEXT NOT NULL DEFAULT 'pending' CHECK (status IN (
                        'pending', 'running', 'waiting_for_approval', 'completed', 'failed', 'cancelled',
                        'needs_review')),
    request_payload TEXT NOT NULL,
    client_key      TEXT,
    run             INTEGER NOT NULL DEFAULT 1,
    epoch           INTEGER NOT NULL DEFAULT 0,
    signals         INTEGER NOT NULL DEFAULT 0,
    due_at          REAL,
    lease_owner     TEXT,
    lease_until     REAL NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    plan            TEXT,
    error_message   TEXT,
    created_at      REAL NOT NULL,
    started_at      REAL,
    completed_at    REAL,
    updated_at      REAL NOT NULL,
    UNIQUE (user_id, client_key)
) WITHOUT ROWID;

CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_by_user ON jobs (user_id, created_at DESC, id DESC);
CREATE INDEX jobs_by_time ON jobs (created_at DESC, id DESC);

CREATE TABLE job_events (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    run    INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    data   TEXT NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;

CREATE TABLE attempts (
    job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    run        INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    agent      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    performer  TEXT NOT NULL,
    state      TEXT NOT NULL,
    not_before REAL NOT NULL,
    not_after  REAL NOT NULL,
    owner      TEXT,
    started_at REAL,
    ended_at   REAL,
    outcome    TEXT,
    PRIMARY KEY (job_id, run, seq, agent, number)
) WITHOUT ROWID;

CREATE TABLE agent_results (
    job_id            TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    agent_name        TEXT NOT NULL,
    result_payload    TEXT NOT NULL,
    seq               INTEGER,
    execution_time_ms INTEGER,
    usage             TEXT,
    produced_by       TEXT,
    created_at        REAL NOT NULL,
    PRIMARY KEY (job_id, agent_name)
) WITHOUT ROWID;

CREATE TABLE documents (
    namespace  TEXT NOT NULL,
    key        TEXT NOT NULL,
    body       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    expires_at REAL,
    PRIMARY KEY (namespace, key)
) WITHOUT ROWID;

CREATE INDEX documents_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL;
