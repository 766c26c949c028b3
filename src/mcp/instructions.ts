// Owns what a client is told about the server before its first call; under 2 KB, since it is in every context.

export const INSTRUCTIONS = `Durable workflows, a job queue and schedules. What is acknowledged with an id survives crashes and restarts, runs at least once, and a completed step never runs again.

How tools combine:
- create_workflow checks a definition (mode preview), or stores a version (mode apply). execute_workflow runs one by name or inline; dry_run shows the plan. enqueue_job runs single units of work.
- schedule_cron and schedule_recurring (intervals, days, one moment) start a workflow or task at planned times; the reply says who fires it. get view=events is the ledger: what became of each time.
- Both answer at once with execution_id or job_id, or after wait_ms. Then: wait {ids} for the end; get {id} for status, steps, output, logs; get {id, view: explain} says why something is stuck, late or failed; control {id, action} acts.
- list finds things (list kind=workflows|executions|jobs|schedules|sessions|workers|projects|queues|events); get_system_status is the overview, with since it tells what changed while you were away.
- Steps and jobs of task agent.task are for worker agents: with the tool set workers you are one (claim_job, report_job).

Rules:
- Ids: exec_ run, job_ job, sched_ schedule, sess_ session, wf_ workflow version, art_ artifact, wrk_ worker agent, proj_ project. Pass them whole. They work from any client and after a restart.
- Waiting: a timeout of wait is a normal answer and cancels nothing; call it again. Do not poll get in a loop.
- Repeating: give idempotency_key to a call that changes something if you may repeat it; the first result comes back with replayed: true.
- Approvals: a step wait.approval that is meant for a person (by: human) cannot be decided by you. control action=approve asks the person through the client, where it can; else tell the person the execution id.
- Long values are cut (…_preview, truncated: true): get view=output reads them in pieces with cursor.
- Syntax: resources logistics://reference/definition-syntax, task-types, cron-syntax.
- Errors say what was expected and what to do next.`;
