/** The mode of folders that nobody gave one. */
export const FOLDER_MODE = 0o755;
