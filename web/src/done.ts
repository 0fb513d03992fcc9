/**
 * Which files are done, noted at once.
 *
 * Golden Retriever writes down what it knows half a second later. A page that is left in between finds a finished file as one
 * that never began, and would upload it a second time. localStorage is written before the page can go away.
 */

import type { Kept } from './finished';

/** Milliseconds for which a note is kept: a browser that was killed at the end may be opened again days later. */
const needed = 4 * 24 * 60 * 60 * 1000;
const most = 1000;

export class Done {
	/** kept is undefined where the browser has no localStorage for this page: then nothing is noted. */
	constructor(
		private readonly kept: Kept | undefined,
		private readonly key: string,
	) {}

	/** add notes that a file is done now. */
	add(id: string): void {
		const notes = this.fresh().filter(([other]) => other !== id);
		this.save([[id, Date.now()], ...notes.slice(0, most - 1)]);
	}

	/** forget is for a file that is chosen again. */
	forget(ids: readonly string[]): void {
		const notes = this.load();
		const rest = notes.filter(([id]) => !ids.includes(id));
		if (rest.length < notes.length) this.save(rest);
	}

	/** ids of the files that are known to be done. */
	ids(): ReadonlySet<string> {
		return new Set(this.fresh().map(([id]) => id));
	}

	private fresh(): [string, number][] {
		const now = Date.now();
		return this.load().filter(([, at]) => Math.abs(now - at) < needed);
	}

	private load(): [string, number][] {
		try {
			const value: unknown = JSON.parse(this.kept?.getItem(this.key) ?? '[]');
			return Array.isArray(value) ? value.filter(isNote) : [];
		} catch {
			return [];
		}
	}

	private save(notes: [string, number][]): void {
		try {
			this.kept?.setItem(this.key, JSON.stringify(notes));
		} catch {
			// Full or blocked: a reload in the wrong moment then uploads a file twice.
		}
	}
}

function isNote(value: unknown): value is [string, number] {
	return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number';
}
