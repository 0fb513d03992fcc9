package config

import (
	"testing"
	"time"
)

// A size or a duration that is understood is printed in a form that means the same.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"0", "1", "64KiB", "1TiB", "8388607TiB", "9223372036854775807", "1.5s", "1h0m0.000000001s", "60s", "36h", "2562047h47m16.854775807s", "-1", "+1", "1e3", "\u00b5s", "1\u00b5s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSize(text); err == nil {
			again, err := parseSize(formatSize(n))
			if n < 0 || err != nil || again != n {
				t.Errorf("%q is %d bytes, printed %q, which is %d, %v", text, n, formatSize(n), again, err)
			}
		}
		var c Config
		v := duration(func(c *Config) *time.Duration { return &c.IdleTimeout })
		if v.set(&c, text) != nil {
			return
		}
		before := c.IdleTimeout
		if err := v.set(&c, v.show(c)); err != nil || before < 0 || c.IdleTimeout != before {
			t.Errorf("%q is %d ns, printed %q, which is %d, %v", text, before, formatDuration(before), c.IdleTimeout, err)
		}
	})
}
