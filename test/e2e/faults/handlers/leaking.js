/** Holds on to more and more memory, and has a process of its own in a session of its own.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 * memory: 200MiB
 */
import { spawn } from "node:child_process";

export function* map(_args, ctx) {
  const child = spawn("/bin/sleep", ["1000"], { detached: true, stdio: "ignore" });
  console.log(`processes ${process.pid} ${child.pid}`);
  yield ctx.toReturn();
  const held = [];
  for (;;) held.push(Buffer.alloc(1024 * 1024, 1));
}
