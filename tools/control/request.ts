// Owns what a control action is given, whatever it acts on.
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { QueueOrder } from '../../src/domain/queue-order.ts';
import type { RateLimit } from '../../src/domain/rate-limit.ts';
import type { Receipt } from '../../src/store/port/common.ts';
import type { ToolContext } from '../tool.ts';
import type { ControlAction } from './actions.ts';

export interface ControlRequest {
  readonly context: ToolContext;
  readonly id: string;
  readonly action: ControlAction;
  readonly receipt: Receipt | undefined;
  readonly step?: string | undefined;
  readonly name?: string | undefined;
  readonly payload?: Json | undefined;
  readonly signal_id?: string | undefined;
  readonly approved?: boolean | undefined;
  readonly comment?: string | undefined;
  readonly digest?: string | undefined;
  readonly reason?: string | undefined;
  readonly change?: JsonObject | undefined;
  readonly context_version?: number | undefined;
  readonly concurrency?: number | null | undefined;
  readonly rate_limit?: RateLimit | null | undefined;
  readonly order?: QueueOrder | undefined;
  readonly budget?: JsonObject | null | undefined;
  readonly input?: Json | undefined;
  readonly from?: string | number | undefined;
  readonly to?: string | number | undefined;
  readonly limit?: number | undefined;
  readonly scheduleChange?: JsonObject | undefined;
}
