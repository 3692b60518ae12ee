/** Ends its own process, as it is told, after it has run for a while.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export async function* map([[how, afterMs]], ctx) {
  yield ctx.toReturn();
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  if (how === "exit") process.exit(3);
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => undefined);
}
