export * from './layout';
export function f(a: u32): u32 {
  return a;
}
