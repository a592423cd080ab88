-- Step 1: the original's tables move, as they are, into a schema of their own. Nothing is copied or lost.
-- Undo: ALTER TABLE alex_original.jobs SET SCHEMA public, and so on, as long as step 2 was not made.

BEGIN;
CREATE SCHEMA alex_original;
ALTER TABLE public.positions SET SCHEMA alex_original;
ALTER TABLE public.accounts SET SCHEMA alex_original;
ALTER TABLE public.instruments SET SCHEMA alex_original;
ALTER TABLE public.jobs SET SCHEMA alex_original;
ALTER TABLE public.users SET SCHEMA alex_original;
COMMIT;
