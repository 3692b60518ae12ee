/** Adds to one of several counts; one that comes to nothing is forgotten. */
export function addTo(counts: Map<string, number>, name: string, add: number): void {
  const count = (counts.get(name) ?? 0) + add;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
