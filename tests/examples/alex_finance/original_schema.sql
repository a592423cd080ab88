-- The tables that the first version of the system had, as seeds describe them, with some rows. Written for this test.

CREATE TABLE users (
    clerk_user_id VARCHAR(255) PRIMARY KEY,
    display_name VARCHAR(255),
    years_until_retirement INTEGER,
    target_retirement_income NUMERIC(12, 2),
    asset_class_targets JSONB DEFAULT '{"equity": 70, "fixed_income": 30}',
    region_targets JSONB DEFAULT '{"north_america": 50, "international": 50}',
    created_at TIMESTAMP DEFAULT now(),
    updated_at TIMESTAMP DEFAULT now()
);
CREATE TABLE instruments (
    symbol VARCHAR(20) PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    instrument_type VARCHAR(50),
    current_price NUMERIC(12, 4),
    allocation_regions JSONB DEFAULT '{}',
    allocation_sectors JSONB DEFAULT '{}',
    allocation_asset_class JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT now(),
    updated_at TIMESTAMP DEFAULT now()
);
CREATE TABLE accounts (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    clerk_user_id VARCHAR(255) REFERENCES users (clerk_user_id) ON DELETE CASCADE,
    account_name VARCHAR(255) NOT NULL,
    account_purpose TEXT,
    cash_balance NUMERIC(12, 2) DEFAULT 0,
    cash_interest NUMERIC(5, 4) DEFAULT 0,
    created_at TIMESTAMP DEFAULT now(),
    updated_at TIMESTAMP DEFAULT now()
);
CREATE TABLE positions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id UUID REFERENCES accounts (id) ON DELETE CASCADE,
    symbol VARCHAR(20) REFERENCES instruments (symbol),
    quantity NUMERIC(20, 8) NOT NULL,
    as_of_date DATE DEFAULT CURRENT_DATE,
    created_at TIMESTAMP DEFAULT now(),
    updated_at TIMESTAMP DEFAULT now(),
    UNIQUE (account_id, symbol)
);
CREATE TABLE jobs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    clerk_user_id VARCHAR(255) REFERENCES users (clerk_user_id) ON DELETE CASCADE,
    job_type VARCHAR(50) NOT NULL,
    status VARCHAR(20) DEFAULT 'pending',
    request_payload JSONB,
    report_payload JSONB,
    charts_payload JSONB,
    retirement_payload JSONB,
    summary_payload JSONB,
    error_message TEXT,
    created_at TIMESTAMP DEFAULT now(),
    started_at TIMESTAMP,
    completed_at TIMESTAMP,
    updated_at TIMESTAMP DEFAULT now()
);

INSERT INTO users (clerk_user_id, display_name, years_until_retirement, target_retirement_income)
VALUES ('user_old', 'Olive', 25, 100000), ('user_bare', NULL, NULL, NULL);
INSERT INTO instruments (symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors,
                         allocation_asset_class, updated_at)
VALUES
    ('SPY', 'An S&P 500 fund', 'etf', 450.2500, '{"north_america": 100}', '{"technology": 60, "financials": 40}',
     '{"equity": 100}', '2025-03-04 23:30'),
    ('BND', 'A bond fund', 'bond_fund', 72.5, '{"north_america": 100}', '{"treasury": 50, "corporate": 50}',
     '{"fixed_income": 100}', '2025-03-04'),
    ('HALF', 'Classified in part', 'etf', 10, '{"north_america": 40}', '{}', '{"equity": 100}', '2025-03-04'),
    ('NONE', 'Without a price', 'stock', NULL, '{}', '{}', '{}', '2025-03-04');
INSERT INTO accounts (id, clerk_user_id, account_name, account_purpose, cash_balance, cash_interest, created_at)
VALUES
    ('00000000-0000-4000-8000-00000000000a', 'user_old', 'Savings', NULL, 5000, 0.0450, '2025-01-01'),
    ('00000000-0000-4000-8000-00000000000b', 'user_old', 'Savings', 'Second', 1000.50, 0.0400, '2025-01-02');
INSERT INTO positions (account_id, symbol, quantity, as_of_date)
VALUES
    ('00000000-0000-4000-8000-00000000000a', 'SPY', 100, '2025-02-01'),
    ('00000000-0000-4000-8000-00000000000a', 'HALF', 3, '2025-02-01'),
    ('00000000-0000-4000-8000-00000000000b', 'SPY', 0.12345678, '2025-02-01'),
    ('00000000-0000-4000-8000-00000000000b', 'BND', 10, '2025-02-01'),
    ('00000000-0000-4000-8000-00000000000b', 'NONE', 7, '2025-02-01');
INSERT INTO jobs (id, clerk_user_id, job_type, status, request_payload, report_payload, charts_payload,
                  retirement_payload, summary_payload, error_message, created_at, started_at, completed_at)
VALUES
    ('11111111-1111-4111-8111-111111111111', 'user_old', 'portfolio_analysis', 'completed', '{"analysis": "full"}',
     '{"content": "# Report", "agent": "reporter"}',
     '{"pie": {"title": "Mix", "type": "pie", "data": [{"name": "Equity", "value": 1.5}]}}',
     '{"analysis": "Fine.", "success_rate": 71.5}', '{"summary": "All was made."}', NULL,
     '2025-03-01 10:00', '2025-03-01 10:00:01', '2025-03-01 10:02'),
    ('22222222-2222-4222-8222-222222222222', 'user_old', 'portfolio_analysis', 'error', '{}',
     '{"content": "# Half", "agent": "reporter"}', NULL, NULL, NULL, 'charter timed out',
     '2025-03-02 10:00', '2025-03-02 10:00:01', '2025-03-02 10:02'),
    ('33333333-3333-4333-8333-333333333333', 'user_old', 'portfolio_analysis', 'processing', NULL,
     NULL, NULL, NULL, NULL, NULL, '2025-03-03 10:00', '2025-03-03 10:00:01', NULL),
    ('44444444-4444-4444-8444-444444444444', 'user_old', 'portfolio_analysis', 'pending', '{}',
     NULL, NULL, NULL, NULL, NULL, '2025-03-04 10:00', NULL, NULL);
