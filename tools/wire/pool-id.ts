// Owns how a pool of resources is named where an id is asked for: pool:<name>.
import { LogisticsError } from '../../src/domain/errors.ts';
import { PoolName } from '../../src/domain/resource.ts';

const PREFIX = 'pool:';

export function isPoolId(id: string): boolean {
  return id.startsWith(PREFIX);
}

export function poolOf(id: string): string {
  const name = PoolName.safeParse(id.slice(PREFIX.length));
  if (name.success) return name.data;
  throw new LogisticsError('invalid_input', 'This is no name of a pool.', {
    path: 'id',
    expected: 'pool: and a letter or _, then up to 99 letters, digits, _ . or -',
  });
}

export function poolId(name: string): string {
  return PREFIX + name;
}
