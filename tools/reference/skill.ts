// Owns the skill that hosts may load: when durable work is the right tool, and how it is done well.

export const SKILL_NAME = 'durable-workflows';

const DESCRIPTION =
  'Run multi-step, long or scheduled work so that it survives crashes, restarts and closed sessions: workflows with retries and approvals, a job queue, cron schedules. Use when work takes longer than one turn, must not be done twice, waits for a person or an event, runs on a schedule, or is handed to other agents.';

/** The whole of SKILL.md. */
export const SKILL_TEXT = `---
name: ${SKILL_NAME}
description: ${JSON.stringify(DESCRIPTION)}
---

# Durable workflows with logistics-mcp

What the server acknowledges with an id is on disk: it survives crashes, restarts and the end of this session, and a completed step never runs again.

## Choose the form

- One unit of work: \`enqueue_job\`. Many of the same kind: \`enqueue_job\` with \`jobs\`, which gives one batch_id.
- Steps that depend on each other, wait, or ask a person: a workflow. Check it with \`create_workflow\` (mode preview) until it is valid, then \`execute_workflow\`. Store it (mode apply) only if it will be run again.
- Later or repeatedly: \`schedule_cron\` or \`schedule_recurring\`, first with \`dry_run\`.
- Something quick that you can do now: do it without this server.

## Write a workflow

\`\`\`yaml
name: release
input: {type: object, properties: {tag: {type: string}}, required: [tag]}
steps:
  - {id: notes, task: http.request, with: {url: "https://example.org/notes/\${{ input.tag }}"}, retry: 3, timeout: 30s}
  - {id: review, needs: [notes], task: agent.task, with: {prompt: "Review: \${{ steps.notes.output.body }}"}}
  - {id: ok, needs: [review], task: wait.approval, with: {message: "Publish \${{ input.tag }}?", by: human}}
output: "\${{ steps.review.output }}"
\`\`\`

- Steps without \`needs\` run side by side. One step per unit that can fail or be retried by itself; \`forEach\` for lists.
- \`retry\` and \`timeout\` on whatever reaches outside; \`compensate\` for what must be undone; \`wait.approval\` with \`by: human\` before what cannot be.
- All fields: resource \`logistics://reference/definition-syntax\`. Task types: \`logistics://reference/task-types\`. Schedules: \`logistics://reference/cron-syntax\`.

## Run and follow it

1. Give \`idempotency_key\` to every call that changes something and that you might repeat: the first result comes back, nothing runs twice.
2. Keep the id that the reply holds, whole. It works from any client, also after a restart.
3. \`wait {ids}\` instead of polling. A timeout is a normal answer and cancels nothing: call it again, or go on and come back later.
4. Back after a while: \`get_system_status {since}\` tells what happened in between.

## When it does not go on

- \`get {id, view: explain}\` says why something is queued, blocked, late or failed, and which action is allowed next.
- Failed, and the cause is gone: \`control action=retry\` runs the failed steps only. The definition was wrong: store a new version, and \`control action=fork step=…\` or run it anew.
- Waits for an approval: only the person decides where the step says \`by: human\`. \`control action=approve\` asks them through the client; tell them the execution id if it cannot.
- Never start the same work a second time because a reply was lost: repeat the call with the same \`idempotency_key\`.
`;
