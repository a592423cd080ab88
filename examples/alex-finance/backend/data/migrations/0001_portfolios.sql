CREATE TABLE users (
    clerk_user_id TEXT PRIMARY KEY CHECK (clerk_user_id <> ''),
    display_name TEXT NOT NULL,
    years_until_retirement INTEGER CHECK (years_until_retirement BETWEEN 0 AND 60),
    target_retirement_income {decimal} CHECK (CAST(target_retirement_income AS NUMERIC) >= 0),
    asset_class_targets {json} NOT NULL,
    region_targets {json} NOT NULL
);
CREATE TABLE instruments (
    symbol TEXT PRIMARY KEY CHECK (symbol <> '' AND symbol = upper(symbol)),
    name TEXT NOT NULL,
    instrument_type TEXT NOT NULL
        CHECK (instrument_type IN ('etf', 'mutual_fund', 'stock', 'bond', 'bond_fund', 'commodity', 'reit')),
    current_price {decimal} CHECK (CAST(current_price AS NUMERIC) > 0),
    price_as_of TEXT,
    price_source TEXT NOT NULL DEFAULT '',
    allocation_asset_class {json},
    allocation_regions {json},
    allocation_sectors {json},
    classified_by TEXT NOT NULL DEFAULT '',
    classification_rationale TEXT NOT NULL DEFAULT ''
);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    clerk_user_id TEXT NOT NULL REFERENCES users (clerk_user_id) ON DELETE CASCADE,
    account_name TEXT NOT NULL CHECK (account_name <> ''),
    account_purpose TEXT NOT NULL DEFAULT '',
    cash_balance {decimal} NOT NULL CHECK (CAST(cash_balance AS NUMERIC) >= 0),
    cash_interest {decimal} NOT NULL
        CHECK (CAST(cash_interest AS NUMERIC) >= 0 AND CAST(cash_interest AS NUMERIC) < 1),
    seq INTEGER NOT NULL
);
CREATE INDEX accounts_of_user ON accounts (clerk_user_id);
CREATE TABLE positions (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    symbol TEXT NOT NULL REFERENCES instruments (symbol),
    quantity {decimal} NOT NULL CHECK (CAST(quantity AS NUMERIC) >= 0),
    as_of_date TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account_id, symbol)
);
