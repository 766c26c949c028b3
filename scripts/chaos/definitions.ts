// Owns the workflows of the chaos run: each stresses one way in which a kill could hurt.

const work = { task: 'chaos.work' } as const;
const quickRetry = { maxAttempts: 4, initialInterval: '5ms', jitter: 'none' } as const;

/** By name; `ends` says which ends are right for a run that nobody cancelled. */
export const CHAOS_WORKFLOWS = [
  {
    ends: ['completed'],
    definition: {
      name: 'diamond',
      steps: [
        { id: 'a', ...work, with: { ms: 1 } },
        { id: 'b', ...work, needs: ['a'], with: { from: '${{ steps.a.output.once }}', ms: 2 } },
        { id: 'c', ...work, needs: ['a'], with: { from: '${{ steps.a.output.once }}', fail: 1 }, retry: quickRetry },
        { id: 'd', ...work, needs: ['b', 'c'], with: { b: '${{ steps.b.output.once }}', c: '${{ steps.c.output.once }}' } },
      ],
      output: { d: '${{ steps.d.output.once }}' },
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'each',
      input: { type: 'object', properties: { items: { type: 'array' } }, required: ['items'] },
      steps: [
        { id: 'list', ...work, with: { ms: 1 } },
        {
          id: 'items',
          ...work,
          needs: ['list'],
          forEach: '${{ input.items }}',
          maxParallel: 6,
          with: { item: '${{ item }}', from: '${{ steps.list.output.once }}' },
          retry: quickRetry,
        },
        { id: 'sum', ...work, needs: ['items'], with: { n: '${{ size(steps.items.output) }}' } },
      ],
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'waits',
      steps: [
        { id: 'before', ...work },
        { id: 'nap', task: 'sleep', needs: ['before'], with: { duration: '30ms' } },
        { id: 'go', task: 'wait.signal', needs: ['before'], with: { name: 'go' } },
        { id: 'after', ...work, needs: ['nap', 'go'], with: { payload: '${{ steps.go.output }}' } },
      ],
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'family',
      steps: [
        { id: 'list', ...work },
        { id: 'kids', task: 'workflow.run', needs: ['list'], forEach: [1, 2, 3], maxParallel: 2, with: { workflow: 'diamond' } },
        { id: 'one', task: 'workflow.run', needs: ['list'], with: { workflow: 'each', input: { items: [1, 2] } } },
        { id: 'end', ...work, needs: ['kids', 'one'] },
      ],
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'asked',
      steps: [
        { id: 'list', ...work },
        {
          id: 'ask',
          task: 'agent.task',
          needs: ['list'],
          forEach: [1, 2, 3],
          requires: ['chaos-agent'],
          with: { prompt: 'Work.', context: { item: '${{ item }}', from: '${{ steps.list.output.once }}' } },
          output: { type: 'object', properties: { once: { type: 'string' } }, required: ['once'] },
          retry: quickRetry,
        },
        { id: 'end', ...work, needs: ['ask'], with: { n: '${{ size(steps.ask.output) }}' } },
      ],
    },
  },
  {
    ends: ['failed'],
    definition: {
      name: 'undone',
      steps: [
        { id: 'book', ...work, compensate: { task: 'chaos.work', with: { ms: 1 } } },
        { id: 'pay', ...work, needs: ['book'], compensate: { task: 'chaos.work', with: {} } },
        { id: 'ship', ...work, needs: ['pay'], with: { fail: 99 }, retry: { maxAttempts: 1 } },
        { id: 'rest', ...work, needs: ['ship'] },
      ],
      onFailure: [{ id: 'tell', ...work }],
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'keyed',
      input: { type: 'object', properties: { key: { type: 'string' } }, required: ['key'] },
      concurrency: { key: '${{ input.key }}', limit: 2, onLimit: 'queue' },
      maxParallel: 2,
      steps: [
        { id: 'x', ...work, with: { ms: 2 } },
        { id: 'y', ...work },
        { id: 'z', ...work },
        { id: 'skipped', ...work, needs: ['x'], if: '${{ false }}' },
        { id: 'tolerated', ...work, needs: ['y'], with: { fail: 9 }, retry: { maxAttempts: 1 }, continueOnError: true },
        { id: 'end', ...work, needs: ['x', 'y', 'z', 'skipped', 'tolerated'], when: 'all_done' },
      ],
    },
  },
  {
    ends: ['completed'],
    definition: {
      name: 'talks',
      steps: [
        { id: 'hear', task: 'wait.event', with: { event: 'chaos_news' }, timeout: '400ms', continueOnError: true },
        { id: 'w', ...work },
        { id: 'tell', task: 'emit', needs: ['w'], with: { event: 'chaos_news', payload: { n: 1 } } },
        { id: 'end', ...work, needs: ['hear', 'tell'], when: 'all_done' },
      ],
    },
  },
] as const;
