/**
 * Numbers as people read them.
 *
 * Sizes count in steps of 1,024 under the names KB, MB, GB, as Uppy's Dashboard does: two sizes of one file on one page must
 * not differ.
 */

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** A space that keeps a number and its unit on one line. */
const nbsp = '\u00a0';

/** bytes gives a size such as "12 MB" or "1.25 GB". */
export function bytes(n: number): string {
	if (!(n > 0)) return `0${nbsp}B`;
	const step = Math.min(Math.floor(Math.log(n) / Math.log(1024)), units.length - 1);
	const value = n / 1024 ** step;
	const whole = value % 1 === 0;
	const digits = step >= 3 ? value.toFixed(whole ? 0 : 2) : value >= 10 || whole ? value.toFixed(0) : value.toFixed(1);
	return `${digits}${nbsp}${units[step]}`;
}

/** duration gives a time to wait such as "40 s", "3 min" or "2 h 5 min". */
export function duration(seconds: number): string {
	const s = Math.max(1, Math.round(seconds));
	if (s < 60) return `${s}${nbsp}s`;
	const min = Math.round(s / 60);
	if (min < 60) return `${min}${nbsp}min`;
	const h = Math.floor(min / 60);
	if (h >= 48) return `${Math.round(h / 24)}${nbsp}days`;
	return min % 60 === 0 ? `${h}${nbsp}h` : `${h}${nbsp}h ${min % 60}${nbsp}min`;
}

/** count gives "1 file" or "1,200 files". */
export function count(n: number, one: string, many = `${one}s`): string {
	return `${n.toLocaleString('en')}${nbsp}${n === 1 ? one : many}`;
}
