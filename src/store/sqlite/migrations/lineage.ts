// Owns on whose behalf work was made: the job or run that asked for it, and how many schedules stand above a schedule.
export const LINEAGE = `
  ALTER TABLE execution ADD COLUMN cause TEXT;
  ALTER TABLE job ADD COLUMN cause TEXT;
  ALTER TABLE schedule ADD COLUMN cause TEXT;
  ALTER TABLE schedule ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX execution_cause ON execution (cause, num) WHERE cause IS NOT NULL;
  CREATE INDEX job_cause ON job (cause, num) WHERE cause IS NOT NULL;
  CREATE INDEX schedule_cause ON schedule (cause, num) WHERE cause IS NOT NULL;
`;
