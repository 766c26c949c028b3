// Owns the inside of the render thread: one request in, one value or error out; its time is watched from outside.
import { parentPort, workerData } from 'node:worker_threads';
import { toErrorData } from '../domain/errors.ts';
import { Language } from './language.ts';
import type { ExpressionLimits } from './limits.ts';
import { renderTemplate } from './render.ts';
import type { RenderReply, RenderRequest } from './render-thread.ts';

const language = new Language(workerData as ExpressionLimits);
const budget = { loops: language.limits.renderLoops, steps: Number.POSITIVE_INFINITY };

function answer({ template, values, failed }: RenderRequest): RenderReply {
  try {
    return { value: renderTemplate(template, { values, status: { failed } }, language, budget) };
  } catch (error) {
    return { error: toErrorData(error, 'internal') };
  }
}

parentPort?.on('message', (request: RenderRequest) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage({ ready: true } satisfies RenderReply);
