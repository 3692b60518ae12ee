/** Workflows: list, show, apply, delete. */
import type { FastifyInstance } from "fastify";
import { DESCRIPTION_LENGTH_MAX } from "../workflow/definition.ts";
import { parseJobs, parseSteps } from "../workflow/document.ts";
import { checkHandlerNames } from "../workflow/handler-names.ts";
import { type ApiContext, callCluster, requireRole } from "./context.ts";
import { APPLY_BODY_BYTES_MAX } from "./limits.ts";
import type { HandlerFile, WorkflowDefinition } from "./ports.ts";
import { flagOf } from "./query.ts";
import { APPLY_BODY, APPLY_QUERY, WORKFLOW_PARAMS } from "./schema.ts";
import { inputError } from "./values.ts";

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
}

interface WorkflowPath {
  readonly workflow: string;
}

/** Routes under `/v1`. */
export function workflowRoutes(app: FastifyInstance, context: ApiContext): void {
  const { cluster } = context;
  const read = requireRole(cluster, "read");
  const admin = requireRole(cluster, "admin");
  app.get("/workflows", { onRequest: read }, async (request) => ({
    workflows: await callCluster(context, request, {
      run: (options) => cluster.workflows(options),
    }),
  }));
  app.get<{ Params: WorkflowPath }>(
    "/workflows/:workflow",
    { onRequest: read, schema: { params: WORKFLOW_PARAMS } },
    (request) =>
      callCluster(context, request, {
        run: (options) => cluster.workflow(request.params.workflow, options),
      }),
  );
  app.delete<{ Params: WorkflowPath }>(
    "/workflows/:workflow",
    { onRequest: admin, schema: { params: WORKFLOW_PARAMS } },
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
    Querystring: { readonly dryRun?: string; readonly force?: string };
  }>(
    "/workflows/:workflow",
    {
      onRequest: admin,
      bodyLimit: APPLY_BODY_BYTES_MAX,
      schema: { params: WORKFLOW_PARAMS, body: APPLY_BODY, querystring: APPLY_QUERY },
    },
    (request) => {
      const definition = toDefinition(request.params.workflow, request.body);
      const input = {
        dryRun: flagOf(request.query.dryRun, false),
        force: flagOf(request.query.force, false),
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
  if (body.handlers !== undefined) checkHandlerNames(body.handlers);
  const steps =
    body.steps === undefined ? undefined : parseSteps({ value: body.steps, path: "steps" });
  return {
    workflow,
    description: body.description,
    handlers: body.handlers,
    steps,
    jobs:
      body.jobs === undefined ? undefined : parseJobs({ value: body.jobs, path: "jobs" }, steps),
  };
}
