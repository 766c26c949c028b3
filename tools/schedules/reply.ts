// Owns the output schema of the tools that make a schedule.
import { z } from 'zod';
import { Next } from '../wire/fields.ts';

const Fire = z.looseObject({ local: z.string(), utc: z.string() });

export const ScheduleReply = z.looseObject({
  schedule_id: z.string().optional(),
  name: z.string(),
  status: z.string(),
  replayed: z.boolean().optional(),
  rule: z.looseObject({}),
  sentence: z.string(),
  next_fires: z.array(Fire),
  policies: z.looseObject({}),
  fires: z.looseObject({ by: z.string(), after_this_client: z.string() }),
  warnings: z.array(z.string()).optional(),
  next: Next,
});
