/** Which series share a plot, and what the plots say beside them. */

import type { Unit } from './figures';

export interface Line {
	readonly series: string;
	readonly label: string;
}

export interface Card {
	readonly title: string;
	readonly unit: Unit;
	/** At most four. The first is what matters most. */
	readonly lines: readonly Line[];
	readonly note?: string;
}

const known: readonly Card[] = [
	{
		title: 'Memory',
		unit: 'bytes',
		lines: [
			{ series: 'heap_live_bytes', label: 'Live heap' },
			{ series: 'heap_in_use_bytes', label: 'Heap in use' },
			{ series: 'resident_bytes', label: 'Resident' },
			{ series: 'heap_goal_bytes', label: 'Next collection at' },
		],
		note: 'Resident memory does not fall when memory is freed: the system takes it back when it needs it. A leak shows in the live heap and the goroutines.',
	},
	{ title: 'Goroutines', unit: 'count', lines: [{ series: 'goroutines', label: 'Goroutines' }], note: 'A few for each connection. A number that rises while uploads in flight do not is a leak.' },
	{ title: 'Uploads in flight', unit: 'count', lines: [{ series: 'in_flight', label: 'Uploads in flight' }] },
	{ title: 'Received', unit: 'rate', lines: [{ series: 'bytes_per_second', label: 'Bytes a second' }] },
	{
		title: 'Finish',
		unit: 'seconds',
		lines: [
			{ series: 'finish_p50_seconds', label: 'Half within' },
			{ series: 'finish_p99_seconds', label: '99 % within' },
		],
		note: 'From the last byte until upload and event are on stable storage. Over the last ten seconds.',
	},
	{ title: 'Events waiting', unit: 'count', lines: [{ series: 'outbox_depth', label: 'In the outbox' }] },
	{ title: 'Oldest event', unit: 'seconds', lines: [{ series: 'outbox_age_seconds', label: 'Has waited' }], note: 'Nothing is lost while it waits: the relay tries for ever.' },
];

/** cards lays out the series that there are. One that is not known has a plot of its own, under its own name. */
export function cards(names: readonly string[]): Card[] {
	const laid = known.map((card) => ({ ...card, lines: card.lines.filter((line) => names.includes(line.series)) })).filter((card) => card.lines.length > 0);
	const used = new Set(laid.flatMap((card) => card.lines.map((line) => line.series)));
	for (const series of names) {
		if (used.has(series)) continue;
		const label = title(series);
		laid.push({ title: label, unit: unit(series), lines: [{ series, label }] });
	}
	return laid;
}

function unit(series: string): Unit {
	if (series.endsWith('bytes_per_second')) return 'rate';
	if (series.endsWith('_bytes')) return 'bytes';
	return series.endsWith('_seconds') ? 'seconds' : 'count';
}

function title(series: string): string {
	const words = series.replace(/_(bytes|seconds)$/, '').replaceAll('_', ' ');
	return words.charAt(0).toUpperCase() + words.slice(1);
}
