/**
 * The list of what has been uploaded from this browser, kept in localStorage.
 *
 * It is bounded, shared by all tabs, and best effort: with a full, blocked or garbled localStorage it still holds for as long as
 * the page is open. It is a note of where files are, not the files: removing a line removes nothing on the server.
 */

export interface Entry {
	/** Address of the file on the server; also what tells entries apart. */
	url: string;
	name: string;
	/** The folder that it came out of, if it was uploaded with one. */
	folder?: string;
	/** Bytes. */
	size: number;
	/** When it was finished: ISO 8601. */
	at: string;
}

/** More than this and the oldest go. */
export const most = 200;

/** Kept is the part of localStorage that is used. */
export type Kept = Pick<Storage, 'getItem' | 'setItem'>;

export class Finished {
	private entries: Entry[];
	/** What is kept is older than what is here: it could not be written. */
	private stale = false;

	/** kept is undefined where the browser has no localStorage for this page. changed is called after each change. */
	constructor(
		private readonly kept: Kept | undefined,
		private readonly key: string,
		private readonly changed: () => void,
	) {
		this.entries = this.load() ?? [];
	}

	/** all entries, the newest first. */
	all(): readonly Entry[] {
		return this.entries;
	}

	add(entry: Entry): void {
		this.change((entries) => [entry, ...entries.filter((other) => other.url !== entry.url)]);
	}

	remove(url: string): void {
		this.change((entries) => entries.filter((entry) => entry.url !== url));
	}

	clear(): void {
		this.change(() => []);
	}

	/** reload takes over what another tab wrote. */
	reload(): void {
		this.entries = this.latest();
		this.changed();
	}

	private change(how: (entries: Entry[]) => Entry[]): void {
		// Another tab may have written since.
		this.entries = how([...this.latest()]).slice(0, most);
		try {
			this.kept?.setItem(this.key, JSON.stringify(this.entries));
			this.stale = false;
		} catch {
			this.stale = true; // full or blocked: the list then lasts as long as the page
		}
		this.changed();
	}

	private latest(): Entry[] {
		return this.stale ? this.entries : (this.load() ?? this.entries);
	}

	/** load is undefined if nothing is kept or it cannot be read; what is odd in it is left out. */
	private load(): Entry[] | undefined {
		try {
			const text = this.kept?.getItem(this.key);
			if (text === null || text === undefined) return undefined;
			const value: unknown = JSON.parse(text);
			return Array.isArray(value) ? value.filter(isEntry).slice(0, most) : undefined;
		} catch {
			return undefined;
		}
	}
}

function isEntry(value: unknown): value is Entry {
	if (typeof value !== 'object' || value === null) return false;
	const { url, name, folder, size, at } = value as Record<string, unknown>;
	return (
		typeof url === 'string' &&
		/^https?:\/\//.test(url) &&
		typeof name === 'string' &&
		(folder === undefined || typeof folder === 'string') &&
		typeof size === 'number' &&
		typeof at === 'string' &&
		!Number.isNaN(Date.parse(at))
	);
}
