/** Workflows: list, show, apply, delete. */
import type { FastifyInstance } from "fastify";
import { DESCRIPTION_LENGTH_MAX, WEIGHT_DEFAULT } from "../workflow/definition.ts";
import { parseJobs, parseRetention, parseSteps } from "../workflow/document.ts";
import { checkHandlerNames } from "../workflow/handler-names.ts";
import { type ApiContext, callCluster } from "./context.ts";
import { list, object, TEXT } from "./json-schema.ts";
import { APPLY_BODY_BYTES_MAX } from "./limits.ts";
import type { HandlerFile, WorkflowDefinition } from "./ports.ts";
import { checkWorkflow, maySee, principalOf } from "./principal.ts";
import { flagOf, revisionOf } from "./query.ts";
import { json, route } from "./route.ts";
import {
  APPLY_BODY,
  APPLY_QUERY,
  CREATE_WORKFLOW_BODY,
  MATCH_HEADERS,
  READ_QUERY,
  WORKFLOW_PARAMS,
} from "./schema.ts";
import { inputError } from "./values.ts";
import { APPLY_REPORT, WORKFLOW, WORKFLOW_SUMMARY } from "./view-schema.ts";

/** What `PUT /v1/workflows/:workflow` takes. */
export interface ApplyBody {
  /** When present, the name in the URL once more. */
  readonly workflow?: string;
  readonly description?: string;
  readonly handlers?: readonly HandlerFile[];
  /** As in a workflow file. */
  readonly steps?: unknown;
  /** As in a workflow file. */
  readonly jobs?: unknown;
  /** As in a workflow file. */
  readonly retention?: unknown;
  readonly weight?: number;
}

/** A token that is limited to workflows is held against the one in the path. */
const OF_WORKFLOW = { kind: "workflow" } as const;

interface WorkflowPath {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function workflowRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.get(
    "/workflows",
    route(cluster, {
      summary: "The workflows that the token may see; with `stale`, by this node's own copy.",
      tag: "workflows",
      role: "read",
      querystring: READ_QUERY,
      answers: {
        200: json(
          "All.",
          object<{ workflows: unknown }>("Workflows", { workflows: list(WORKFLOW_SUMMARY) }),
        ),
      },
    }),
    async (request) => {
      const principal = principalOf(request);
      const workflows = await callCluster(context, request, {
        run: (options) => cluster.workflows(options),
      });
      return { workflows: workflows.filter(({ workflow }) => maySee(principal, workflow)) };
    },
  );
  app.get<{ Params: WorkflowPath }>(
    "/workflows/:workflow",
    route(cluster, {
      summary: "A workflow: its scheduler, its replicas and its definitions.",
      tag: "workflows",
      role: "read",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      answers: { 200: json("The workflow.", WORKFLOW) },
    }),
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.workflow(request.params.workflow, options),
      }),
  );
  createRoute(app, context);
  changeRoutes(app, context);
}

function createRoute(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.post<{
    Body: { readonly workflow: string; readonly description?: string; readonly weight?: number };
  }>(
    "/workflows",
    route(cluster, {
      summary: "Makes a workflow that has nothing in it yet.",
      tag: "workflows",
      role: "admin",
      body: CREATE_WORKFLOW_BODY,
      answers: { 201: json("The workflow.", WORKFLOW) },
    }),
    async (request, reply) => {
      const { workflow, description = "", weight = WEIGHT_DEFAULT } = request.body;
      checkWorkflow(principalOf(request), workflow);
      const made = await callCluster(context, request, {
        run: (options) => cluster.createWorkflow({ workflow, description, weight }, options),
      });
      return reply.code(201).send(made);
    },
  );
}

function changeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  app.delete<{ Params: WorkflowPath }>(
    "/workflows/:workflow",
    route(cluster, {
      summary: "Deletes a workflow with everything in it.",
      tag: "workflows",
      role: "admin",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      answers: {
        200: json("Its name.", object<WorkflowPath>("DeletedWorkflow", { workflow: TEXT })),
      },
    }),
    async (request) => {
      const { workflow } = request.params;
      await callCluster(context, request, {
        run: (options) => cluster.deleteWorkflow(workflow, options),
      });
      return { workflow };
    },
  );
  app.put<{
    Params: WorkflowPath;
    Body: ApplyBody;
    Querystring: {
      readonly dryRun?: string;
      readonly force?: string;
      readonly revision?: string;
    };
    Headers: { readonly "if-match"?: string };
  }>(
    "/workflows/:workflow",
    route(cluster, {
      summary: "Creates a workflow, or makes it what the body says; all of it or nothing.",
      tag: "workflows",
      role: "admin",
      scope: OF_WORKFLOW,
      params: WORKFLOW_PARAMS,
      body: APPLY_BODY,
      bodyLimit: APPLY_BODY_BYTES_MAX,
      querystring: APPLY_QUERY,
      headers: MATCH_HEADERS,
      answers: { 200: json("What changed, or would change.", APPLY_REPORT) },
    }),
    (request) => {
      const definition = toDefinition(request.params.workflow, request.body);
      const input = {
        dryRun: flagOf(request.query.dryRun, false),
        force: flagOf(request.query.force, false),
        revision: revisionOf(request),
      };
      return callCluster(context, request, {
        run: (options) => cluster.apply(definition, input, options),
      });
    },
  );
}

/** @throws {JobxError} the codes of `src/workflow`, `API_INPUT_INVALID`. */
function toDefinition(workflow: string, body: ApplyBody): WorkflowDefinition {
  if (body.workflow !== undefined && body.workflow !== workflow) {
    throw inputError("body.workflow", `${workflow}, as in the URL`);
  }
  if ((body.description?.length ?? 0) > DESCRIPTION_LENGTH_MAX) {
    throw inputError("body.description", `at most ${DESCRIPTION_LENGTH_MAX} characters`);
  }
  const steps =
    body.steps === undefined ? undefined : parseSteps({ value: body.steps, path: "steps" });
  const stepHandlers = Object.values(steps ?? {}).flatMap(({ handlers = [] }) => handlers);
  checkHandlerNames([...(body.handlers ?? []), ...stepHandlers]);
  return {
    workflow,
    description: body.description,
    handlers: body.handlers,
    steps,
    stepHandlers,
    retention:
      body.retention === undefined
        ? undefined
        : parseRetention({ value: body.retention, path: "retention" }),
    weight: body.weight,
    jobs:
      body.jobs === undefined ? undefined : parseJobs({ value: body.jobs, path: "jobs" }, steps),
  };
}
