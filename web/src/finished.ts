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

/** Kept is the part of localStorage that notes need. */
export type Kept = Pick<Storage, 'getItem' | 'setItem'>;
/** Shelf is the part that the list needs. */
export type Shelf = Kept & Pick<Storage, 'removeItem' | 'key' | 'length'>;

export class Finished {
	private entries: Entry[] = [];
	/** What could not be written lasts as long as the page. */
	private readonly unwritten = new Map<string, Entry>();

	/**
	 * kept is undefined where the browser has no localStorage for this page. Each entry has a key of its own, which begins with
	 * prefix: two tabs that add at once could not both write one list. changed is called after each change.
	 */
	constructor(
		private readonly kept: Shelf | undefined,
		private readonly prefix: string,
		private readonly changed: () => void,
	) {
		this.look();
	}

	/** all entries, the newest first. */
	all(): readonly Entry[] {
		return this.entries;
	}

	add(entry: Entry): void {
		try {
			if (!this.kept) throw new Error('no localStorage');
			this.kept.setItem(this.prefix + entry.url, JSON.stringify(entry));
			this.unwritten.delete(entry.url);
		} catch {
			this.unwritten.set(entry.url, entry); // full or blocked
		}
		this.reload();
	}

	remove(url: string): void {
		this.drop(url);
		this.reload();
	}

	clear(): void {
		for (const { url } of this.entries) this.drop(url);
		this.reload();
	}

	/** reload takes over what another tab wrote. */
	reload(): void {
		this.look();
		this.changed();
	}

	private drop(url: string): void {
		this.unwritten.delete(url);
		try {
			this.kept?.removeItem(this.prefix + url);
		} catch {
			// Blocked: then nothing was read from it either.
		}
	}

	private look(): void {
		const all = new Map([...this.load(), ...this.unwritten]);
		this.entries = [...all.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
		for (const { url } of this.entries.splice(most)) this.drop(url);
	}

	/** load leaves out what cannot be read. */
	private load(): [string, Entry][] {
		const list: [string, Entry][] = [];
		try {
			for (let i = 0; i < (this.kept?.length ?? 0); i++) {
				const key = this.kept?.key(i) ?? '';
				if (!key.startsWith(this.prefix)) continue;
				const entry = parse(this.kept?.getItem(key) ?? '');
				if (entry && this.prefix + entry.url === key) list.push([entry.url, entry]);
			}
		} catch {
			// Blocked.
		}
		return list;
	}
}

function parse(text: string): Entry | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return isEntry(value) ? value : undefined;
	} catch {
		return undefined;
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
