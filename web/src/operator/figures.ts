/** Figures as the plots and the table write them. */

import { bytes, duration } from '../format';

export type Unit = 'bytes' | 'rate' | 'seconds' | 'count';

const nbsp = '\u00a0';

/** figure writes a value of a unit, an en dash if it is unknown. */
export function figure(value: number | null | undefined, unit: Unit): string {
	if (value === null || value === undefined) return '–';
	switch (unit) {
		case 'bytes':
			return bytes(Math.round(value));
		case 'rate':
			return `${bytes(Math.round(value))}/s`;
		case 'seconds':
			return span(value);
		case 'count':
			return value.toLocaleString('en', { maximumFractionDigits: 1 });
	}
}

/** span writes seconds, from microseconds to days. */
export function span(seconds: number): string {
	if (seconds >= 59.5) return duration(seconds);
	if (seconds <= 0) return `0${nbsp}s`;
	if (seconds >= 0.9995) return `${short(seconds)}${nbsp}s`;
	if (seconds >= 0.0009995) return `${short(seconds * 1000)}${nbsp}ms`;
	return `${short(seconds * 1e6)}${nbsp}µs`;
}

function short(n: number): string {
	return n.toFixed(n >= 9.95 || Math.abs(n - Math.round(n)) < 0.05 ? 0 : 1);
}

/** clock writes a time of day; seconds where they matter. */
export function clock(at: number, withSeconds: boolean): string {
	return new Date(at * 1000).toLocaleTimeString('en', {
		hour: '2-digit',
		minute: '2-digit',
		...(withSeconds ? { second: '2-digit' } : {}),
		hourCycle: 'h23',
	});
}

/** steps are the distances that an axis may have between its marks. */
export function steps(unit: Unit): number[] {
	switch (unit) {
		case 'bytes':
		case 'rate':
			return Array.from({ length: 46 }, (_, power) => 2 ** power);
		case 'count':
			return decades(0, 9);
		case 'seconds':
			return [...decades(-6, 0), 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 604_800];
	}
}

function decades(from: number, to: number): number[] {
	const all: number[] = [];
	for (let power = from; power <= to; power++) for (const n of [1, 2, 5]) all.push(Number(`${n}e${power}`));
	return all;
}
