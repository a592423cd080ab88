-- Step 2, after the new tables are there (MIGRATION.md says how): rows of alex_original are copied, and the schema
-- alex_readers gets the view that old readers of jobs go on with. Safe to repeat: what was copied stays as it is.

BEGIN;
SET LOCAL TIME ZONE 'UTC';  -- what the original wrote without a zone

-- What the new tables would refuse is named before anything is copied.
DO $$
DECLARE
    wrong TEXT;
BEGIN
    SELECT string_agg(problem, '; ') INTO wrong FROM (
        SELECT format('position %s of account %s: quantity %s', symbol, account_id, quantity) AS problem
        FROM alex_original.positions WHERE quantity < 0
        UNION ALL
        SELECT format('account %s: cash %s', id, cash_balance) FROM alex_original.accounts WHERE cash_balance < 0
        UNION ALL
        SELECT format('account %s: interest %s is no fraction', id, cash_interest)
        FROM alex_original.accounts WHERE cash_interest < 0 OR cash_interest >= 1
        UNION ALL
        SELECT format('user %s: %s years until retirement', clerk_user_id, years_until_retirement)
        FROM alex_original.users WHERE years_until_retirement NOT BETWEEN 0 AND 60
        UNION ALL
        SELECT format('user %s: target income %s', clerk_user_id, target_retirement_income)
        FROM alex_original.users WHERE target_retirement_income < 0
        UNION ALL
        SELECT format('instrument %s: type %s', symbol, instrument_type) FROM alex_original.instruments
        WHERE instrument_type NOT IN ('etf', 'mutual_fund', 'stock', 'bond', 'bond_fund', 'commodity', 'reit')
    ) AS problems;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'correct this in alex_original first: %', wrong;
    END IF;
END $$;

-- An allocation that is empty, or does not add up to 100 within 0.05, is left out: the tagger classifies it anew.
CREATE FUNCTION pg_temp.whole(allocation JSONB) RETURNS JSONB LANGUAGE sql AS $$
    SELECT allocation WHERE abs(100 - (SELECT sum(CAST(value AS NUMERIC)) FROM jsonb_each_text(allocation))) <= 0.05
$$;

INSERT INTO public.users
SELECT clerk_user_id, COALESCE(NULLIF(display_name, ''), clerk_user_id), years_until_retirement,
       target_retirement_income,
       COALESCE(pg_temp.whole(asset_class_targets), '{"equity": 70, "fixed_income": 30}'),
       COALESCE(pg_temp.whole(region_targets), '{"north_america": 50, "international": 50}')
FROM alex_original.users
ON CONFLICT (clerk_user_id) DO NOTHING;

INSERT INTO public.instruments
SELECT upper(symbol), name, instrument_type,
       CASE WHEN current_price > 0 THEN current_price END,
       CASE WHEN current_price > 0 THEN to_char(updated_at, 'YYYY-MM-DD') END,
       CASE WHEN current_price > 0 THEN 'original' ELSE '' END,
       pg_temp.whole(allocation_asset_class), pg_temp.whole(allocation_regions), pg_temp.whole(allocation_sectors),
       CASE WHEN pg_temp.whole(allocation_asset_class) IS NULL THEN '' ELSE 'original' END, ''
FROM alex_original.instruments
ON CONFLICT (symbol) DO NOTHING;

INSERT INTO public.accounts
SELECT CAST(id AS TEXT), clerk_user_id, account_name, COALESCE(account_purpose, ''), COALESCE(cash_balance, 0),
       COALESCE(cash_interest, 0),
       (SELECT COALESCE(MAX(seq), 0) FROM public.accounts) + row_number() OVER (ORDER BY created_at, id)
FROM alex_original.accounts
ON CONFLICT (id) DO NOTHING;

INSERT INTO public.positions
SELECT CAST(account_id AS TEXT), upper(symbol), quantity, to_char(COALESCE(as_of_date, created_at), 'YYYY-MM-DD'),
       (SELECT COALESCE(MAX(seq), 0) FROM public.positions) + row_number() OVER (ORDER BY created_at, id)
FROM alex_original.positions
ON CONFLICT (account_id, symbol) DO NOTHING;

-- Jobs. One that waited is due; one that ran has lost its functions, and is told so.
INSERT INTO public.jobs (id, user_id, job_type, status, request_payload, error_message, due_at, created_at, started_at,
                         completed_at, updated_at)
SELECT CAST(id AS TEXT), clerk_user_id, job_type,
       CASE status WHEN 'pending' THEN 'pending' WHEN 'completed' THEN 'completed' ELSE 'failed' END,
       CAST(COALESCE(request_payload, '{}') AS JSON),
       CASE WHEN status IN ('pending', 'completed') THEN NULL
            WHEN status IN ('processing', 'running') THEN 'it ran when its system was replaced; submit it again'
            ELSE COALESCE(error_message, 'it failed in the original system, which kept no reason') END,
       CASE WHEN status = 'pending' THEN now() END,
       created_at, started_at,
       CASE WHEN status = 'pending' THEN NULL ELSE COALESCE(completed_at, updated_at, created_at) END,
       COALESCE(updated_at, created_at)
FROM alex_original.jobs
ON CONFLICT (id) DO NOTHING;

INSERT INTO public.agent_results (job_id, agent_name, result_payload, created_at)
SELECT CAST(jobs.id AS TEXT), made.agent, CAST(made.payload AS JSON), COALESCE(jobs.completed_at, jobs.created_at)
FROM alex_original.jobs AS jobs
CROSS JOIN LATERAL (VALUES ('reporter', report_payload), ('charter', charts_payload),
                           ('retirement', retirement_payload), ('planner', summary_payload)) AS made (agent, payload)
WHERE made.payload IS NOT NULL AND jsonb_typeof(made.payload) = 'object' AND jobs.status <> 'pending'
ON CONFLICT (job_id, agent_name) DO NOTHING;

-- Old readers: ALTER ROLE reader SET search_path = alex_readers, public. Their statements stay as they are.
CREATE SCHEMA IF NOT EXISTS alex_readers;
CREATE OR REPLACE VIEW alex_readers.jobs AS
SELECT
    CASE WHEN jobs.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN CAST(jobs.id AS UUID) END AS id,
    jobs.user_id AS clerk_user_id,
    jobs.job_type,
    CASE jobs.status WHEN 'pending' THEN 'pending' WHEN 'running' THEN 'processing'
        WHEN 'waiting_for_approval' THEN 'processing' WHEN 'completed' THEN 'completed' ELSE 'error' END AS status,
    CAST(jobs.request_payload AS JSONB) AS request_payload,
    made.report_payload, made.charts_payload, made.retirement_payload, made.summary_payload,
    jobs.error_message,
    jobs.created_at AT TIME ZONE 'UTC' AS created_at,
    jobs.started_at AT TIME ZONE 'UTC' AS started_at,
    jobs.completed_at AT TIME ZONE 'UTC' AS completed_at,
    jobs.updated_at AT TIME ZONE 'UTC' AS updated_at
FROM public.jobs
LEFT JOIN (
    SELECT job_id,
        (array_agg(CAST(result_payload AS JSONB)) FILTER (WHERE agent_name = 'reporter'))[1] AS report_payload,
        (array_agg(CAST(result_payload AS JSONB)) FILTER (WHERE agent_name = 'charter'))[1] AS charts_payload,
        (array_agg(CAST(result_payload AS JSONB)) FILTER (WHERE agent_name = 'retirement'))[1] AS retirement_payload,
        (array_agg(CAST(result_payload AS JSONB)) FILTER (WHERE agent_name = 'planner'))[1] AS summary_payload
    FROM public.agent_results GROUP BY job_id
) AS made ON made.job_id = jobs.id;

COMMIT;
