/** What the tests use of Node, so that they are type-checked without a package of types for all of it. */

declare module 'node:test' {
	export function test(name: string, run: () => void | Promise<void>): void;
}

declare module 'node:assert/strict' {
	interface Assert {
		equal<T>(actual: unknown, expected: T, message?: string | number): asserts actual is T;
		deepEqual<T>(actual: unknown, expected: T, message?: string | number): asserts actual is T;
		match(text: string, pattern: RegExp, message?: string): void;
		doesNotMatch(text: string, pattern: RegExp, message?: string): void;
		ok(value: unknown, message?: string): asserts value;
	}
	const assert: Assert;
	export default assert;
}
