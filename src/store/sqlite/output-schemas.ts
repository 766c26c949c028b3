// Owns which schema the result of a job is held against, and how a misfit is told.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { OutputFault } from '../backend.ts';
import type { ExecutionRows } from './execution-rows.ts';
import type { JobSql } from './job-rows.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

const MAX_FAULTS = 20;

export class OutputSchemas {
  readonly #tx: Tx;
  readonly #executions: ExecutionRows;
  readonly #plans: Plans;

  constructor(tx: Tx, executions: ExecutionRows, plans: Plans) {
    this.#tx = tx;
    this.#executions = executions;
    this.#plans = plans;
  }

  /** The schema with a name for it, so that it is compiled once. */
  of(job: JobSql): { readonly schema: JsonObject; readonly key: string } | null {
    if (job.execution === null) return job.output_schema === null ? null : { schema: JSON.parse(job.output_schema) as JsonObject, key: job.output_schema };
    const hash = this.#executions.load(job.execution)?.row.hash;
    const schema = hash === undefined ? undefined : this.#plans.require(hash).nodes[job.idx as number]?.step.outputSchema;
    return schema === undefined ? null : { schema, key: `${hash}/${job.idx}` };
  }

  faults(job: JobSql, output: Json): readonly OutputFault[] {
    const check = this.#tx.env.checkOutput;
    const asked = check === undefined ? null : this.of(job);
    return check === undefined || asked === null ? [] : check(asked.schema, asked.key, output).slice(0, MAX_FAULTS);
  }
}

export function outputInvalid(faults: readonly OutputFault[]): ErrorData {
  const { path, message } = faults[0] as OutputFault;
  return new LogisticsError('output_invalid', `The output does not fit its schema: ${path === '' ? '' : `${path}: `}${message}`, {
    ...(path === '' ? {} : { path }),
    details: { faults: faults.map((fault) => ({ path: fault.path, message: fault.message })) },
  }).toData();
}
