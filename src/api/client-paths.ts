/** Where the client finds things, and how it says which of them it wants. */

/** Which requests a list shows; times are ISO 8601. */
export interface RequestFilter {
  readonly limit: number;
  readonly before?: string | undefined;
  /** States, separated by commas. */
  readonly state?: string | undefined;
  readonly job?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Which invocations a list shows. */
export interface InvocationFilter {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly parent?: string | undefined;
  readonly step?: string | undefined;
  /** States, separated by commas. */
  readonly state?: string | undefined;
}

/** The revision that something must have to be changed, if any. */
export interface Expected {
  readonly revision?: number | undefined;
}

/** Where a step, job or handler is, and the revision that it must have, if any. */
export interface EntityPlace<Plural extends string> extends Expected {
  readonly workflow: string;
  readonly plural: Plural;
  readonly name: string;
}

/** Parameters that are not undefined. */
export function queryOf(parameters: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

/** Where a workflow is. */
export function workflowPath(workflow: string): string {
  return `/v1/workflows/${encodeURIComponent(workflow)}`;
}

/** Where a node is, by its id or name. */
export function nodePath(node: string): string {
  return `/v1/nodes/${encodeURIComponent(node)}`;
}

/** Where a request is. */
export function requestPath(id: string): string {
  return `/v1/requests/${encodeURIComponent(id)}`;
}

/** Where an entity is. */
export function entityPath(at: EntityPlace<string>): string {
  return `${workflowPath(at.workflow)}/${at.plural}/${encodeURIComponent(at.name)}`;
}

/** The revision that is expected, as a query of its own. */
export function revisionQuery({ revision }: Expected): string {
  return revision === undefined ? "" : `?revision=${revision}`;
}
