/** What this page itself finds in the figures. What only the server can know it says itself: a full disk, what its watchdog saw. */

import type { Columns } from './columns';
import { span } from './figures';
import { climbs, trend } from './trend';

export type Level = 'alarm' | 'warning' | 'notice';

export interface Warning {
	readonly level: Level;
	readonly text: string;
}

/** Seconds of the past that a trend is taken over. */
const past = 1800;

/** An event that waits longer is worth a word, and much longer an alarm. Seconds. */
const waitsLong = 60;
const waitsVeryLong = 900;

export function watch(columns: Columns): Warning[] {
	const found: Warning[] = [];
	const age = columns.last('outbox_age_seconds');
	if (age !== null && age > waitsLong) {
		const depth = columns.last('outbox_depth');
		found.push({
			level: age > waitsVeryLong ? 'alarm' : 'warning',
			text: `Events do not get out: the oldest has waited ${span(age)}${depth ? `, about ${rounded(depth)} wait` : ''}. Is the broker or the webhook there? Nothing is lost meanwhile.`,
		});
	}
	const heap = trend(columns.times, columns.column('heap_live_bytes'), past);
	if (heap && climbs(heap, 4 << 20)) {
		found.push({
			level: 'warning',
			text: `The live heap has been rising for ${span(heap.over)}, by ${rounded(heap.hourly / (1 << 20))} MB an hour. See what grew.`,
		});
	}
	const goroutines = trend(columns.times, columns.column('goroutines'), past);
	if (goroutines && climbs(goroutines, 50)) {
		found.push({
			level: 'warning',
			text: `Goroutines have been rising for ${span(goroutines.over)}, by ${rounded(goroutines.hourly)} an hour. If uploads in flight have not, see what grew.`,
		});
	}
	return found;
}

/** slope says in words whether the live heap rises, for the plot of memory. */
export function slope(columns: Columns): string {
	const heap = trend(columns.times, columns.column('heap_live_bytes'), past);
	if (!heap || heap.over < 120) return '';
	const over = `over the last ${span(heap.over)}`;
	const hourly = heap.hourly / (1 << 20);
	if (Math.abs(heap.rise) < Math.max(1 << 20, heap.mean * 0.05) || heap.fit < 0.3) return `Live heap: level ${over}.`;
	return `Live heap: ${hourly > 0 ? 'rising' : 'falling'} by ${rounded(Math.abs(hourly))} MB an hour ${over}.`;
}

/** rounded keeps two digits: more would be made up, and would change all the time. */
function rounded(n: number): string {
	return Number(n.toPrecision(2)).toLocaleString('en');
}

const order: readonly Level[] = ['alarm', 'warning', 'notice'];

/** merge puts the gravest first, and says nothing twice. */
export function merge(...lists: readonly (readonly Warning[])[]): Warning[] {
	const seen = new Set<string>();
	return lists
		.flat()
		.filter((one) => !seen.has(one.text) && seen.add(one.text))
		.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}
