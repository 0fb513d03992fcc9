/** The uploads in flight: in which order, and in what words. */

import { bytes } from '../format';
import { figure, span } from './figures';

export interface Upload {
	readonly id: string;
	readonly owner: string;
	readonly client: string;
	readonly offset: number;
	/** -1: not known yet. */
	readonly size: number;
	/** Bytes a second; null: unknown. */
	readonly rate: number | null;
	/** Milliseconds since 1970. */
	readonly since: number;
}

export interface List {
	readonly total: number;
	readonly uploads: readonly Upload[];
}

export type Key = 'id' | 'progress' | 'rate' | 'age' | 'owner' | 'client';

export interface Order {
	readonly by: Key;
	readonly descending: boolean;
}

/** part is how much of an upload has arrived, 0 to 1; undefined while its size is unknown. */
export function part(upload: Upload): number | undefined {
	if (upload.size < 0) return undefined;
	return upload.size === 0 ? 1 : Math.min(1, upload.offset / upload.size);
}

export function progress(upload: Upload): string {
	const done = part(upload);
	if (done === undefined) return `${bytes(upload.offset)}, size not known yet`;
	return `${Math.floor(done * 100)}\u00a0% of ${bytes(upload.size)}`;
}

export function rate(upload: Upload): string {
	return upload.rate === 0 ? 'stands still' : figure(upload.rate, 'rate');
}

export function age(upload: Upload, now: number): string {
	const seconds = (now - upload.since) / 1000;
	return seconds < 1 ? 'just now' : span(Math.floor(seconds));
}

/** total says how many there are, and which are shown. */
export function total(list: List): string {
	const all = list.total.toLocaleString('en');
	return list.total > list.uploads.length ? `${all}, the oldest ${list.uploads.length} shown` : all;
}

/** sorted puts them in order; what is unknown comes last. */
export function sorted(uploads: readonly Upload[], { by, descending }: Order): Upload[] {
	const key = (u: Upload): string | number | null | undefined => {
		switch (by) {
			case 'progress':
				return part(u);
			case 'age':
				return -u.since;
			default:
				return u[by];
		}
	};
	const sign = descending ? -1 : 1;
	return [...uploads].sort((a, b) => {
		const [x, y] = [key(a) ?? null, key(b) ?? null];
		if (x === y) return a.id < b.id ? -1 : 1;
		if (x === null || x === '') return 1;
		if (y === null || y === '') return -1;
		return (x < y ? -1 : 1) * sign;
	});
}
