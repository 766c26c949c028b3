// Owns the reference topic on taking work as a worker agent.
import { AGENT_CAPABILITY } from '../../src/domain/worker-agent.ts';
import { code } from './markdown.ts';

export function workerAgents(): string {
  return [
    '# Worker agents',
    `Steps and jobs of ${code(AGENT_CAPABILITY)}, and any that \`requires\` capabilities which no process offers, are done by worker agents. The tools \`claim_job\` and \`report_job\` are there when the tool set \`workers\` is switched on (\`toolsets\` in the configuration, \`LOGISTICS_TOOLSETS\`, \`--toolsets\`).`,
    '1. `claim_job {worker, capabilities, wait_ms}` registers you and leases the best jobs you can do: `payload`, `lease_token`, `lease_expires_at`, `instructions`, and what an earlier attempt noted. Nothing to do is a normal answer; call again.',
    '2. Do the work. Any call of yours renews your leases. Long silence: `report_job` with progress or heartbeat. What you note stays on the job for the next attempt.',
    '3. `report_job` with the result (held against the `output` schema, so a faulty one is refused and the lease kept), with a failure (retried by policy), or give it back unharmed.',
    'A lease that runs out gives the job to another worker, and the token of the first one is refused as `lease_lost`: then stop. Results are written once. A `nonce` gives the same leases again if a reply was lost.',
    '`get view=explain` of a job says when no worker that could do it is online; `list kind=workers` shows who is.',
    'Without a client: `logistics-mcp worker --exec <command>` runs a command per job, with the job on its standard input.',
  ].join('\n\n');
}
