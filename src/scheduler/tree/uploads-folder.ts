/** The folder of the root in which wait what uploads put to its place at once: each below its upload's id. */
export const UPLOADS_FOLDER = ".uploads";

/** The path of what an upload puts aside; it begins its pin before it makes that, and ends it after. */
export function uploadPath(upload: string): string {
  return `${UPLOADS_FOLDER}/${upload}`;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/** Whether a name there is an upload's, and not what somebody has put there by hand. */
export function isUploadId(name: string): boolean {
  return UUID.test(name);
}
