package flags_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/server/flags"
)

func TestServerWinsOverFileWinsOverConfiguration(t *testing.T) {
	g := serve(t)
	g.tell(features(`max-uploads=8`))
	file := newFile(t, features(`max-uploads=7 min-rate="1KiB"`))
	f := start(t, flags.Options{Host: g.URL, File: file})
	f.ended("growthbook")
	f.is(func(v *flags.Values) { v.MaxUploads, v.MinRate = 8, 1<<10 })

	write(t, file, features(`max-uploads=9 min-rate="2KiB"`))
	f.look("file")
	f.is(func(v *flags.Values) { v.MaxUploads, v.MinRate = 8, 2<<10 })

	g.tell(features(`max-uploads=null min-rate="fast"`)) // no value, and one that makes no sense
	f.look("growthbook")
	f.is(func(v *flags.Values) { v.MaxUploads, v.MinRate = 9, 2<<10 })
	if f.log.count(`flag=max-uploads change="8 → 9" source=file`) != 1 {
		t.Errorf("the log doesn't say that the file's value holds:\n%s", f.log)
	}

	g.tell(features(`max-uploads=0`)) // off is a value
	f.look("growthbook")
	f.is(func(v *flags.Values) { v.MinRate = 2 << 10 })
}

// Nothing waits for a server that hangs: not New, not the file, not the end.
func TestHangingServerDelaysNothing(t *testing.T) {
	g := serve(t)
	g.hang()
	file := newFile(t, features(`max-uploads=7`))
	f := start(t, flags.Options{Host: g.URL, File: file, Timeout: time.Hour})
	f.is(max7)
	until(t, "the server is asked", func() bool { return g.open.Load() == 1 })
	write(t, file, features(`max-uploads=8`))
	f.look("file")
	f.is(max8)
	f.Reload()
	f.Reload()
	f.end()
	until(t, "no connection is open", func() bool { return g.open.Load() == 0 })
}

func TestRulesTargetOneServer(t *testing.T) {
	rules := `{"max-uploads": {"defaultValue": 7, "rules": [
		{"condition": {"host": "b"}, "force": 8},
		{"condition": {"zone": {"$in": ["west"]}}, "force": 9}]}}`
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		attributes map[string]any
		rules      string
		want       int
	}{
		{nil, rules, 7},
		{map[string]any{"host": "b"}, rules, 8},
		{map[string]any{"zone": "west"}, rules, 9},
		{nil, fmt.Sprintf(`{"max-uploads": {"rules": [{"condition": {"id": %q, "host": %q}, "force": 3}]}}`, name, name), 3},
		{nil, `{"max-uploads": {"rules": [{"coverage": 0, "force": 3}]}}`, 0},
		{nil, `{"max-uploads": {"rules": [{"coverage": 1, "force": 3}]}}`, 3},
		{nil, `{"max-uploads": {"rules": [{"variations": [3, 3]}]}}`, 3},
		{
			map[string]any{"host": "c"}, `{"features": {"max-uploads": {"rules": [{"condition": {"host": {"$inGroup": "g"}}, "force": 3}]}},
			"savedGroups": {"g": ["c"]}}`, 3,
		},
	} {
		f := start(t, flags.Options{File: newFile(t, test.rules), Attributes: test.attributes})
		if got := f.Values().MaxUploads; got != test.want {
			t.Errorf("%v: %s\nsays %d, want %d", test.attributes, test.rules, got, test.want)
		}
	}
}

// The library follows prerequisites anew each time. What it would be busy with for years is refused.
func TestPrerequisitesWithoutEndAreRefused(t *testing.T) {
	const twice = `{"parentConditions": [{"id": %q, "condition": {"value": 1}}], "force": 1}`
	feature := func(name, parent string) string {
		rule := fmt.Sprintf(twice, parent)
		return fmt.Sprintf(`%q: {"defaultValue": 2, "rules": [%s, %s]}`, name, rule, rule)
	}
	deep := []string{feature("max-uploads", "f0")}
	for i := range 60 {
		deep = append(deep, feature(fmt.Sprintf("f%d", i), fmt.Sprintf("f%d", i+1)))
	}
	for name, text := range map[string]string{
		"circle": feature("max-uploads", "f0") + "," + feature("f0", "max-uploads"),
		"self":   feature("max-uploads", "max-uploads"),
		"deep":   strings.Join(deep, ","),
	} {
		g := serve(t)
		g.tell(features(`max-uploads=7`))
		f := start(t, flags.Options{Host: g.URL})
		f.ended("growthbook")
		g.tell(`{"features": {"multipart": {"defaultValue": false}, ` + text + `}}`)
		f.look("growthbook")
		f.is(func(v *flags.Values) { v.MaxUploads, v.Multipart = 7, false })
		if f.log.count("the prerequisites of max-uploads") != 1 {
			t.Errorf("%s: the log doesn't say so:\n%s", name, f.log)
		}
	}
	few := start(t, flags.Options{File: newFile(t, `{"p": {"defaultValue": true},
		"max-uploads": {"rules": [{"parentConditions": [{"id": "p", "condition": {"value": true}}], "force": 7}]}}`)})
	few.is(max7)
}

func TestEncryptedFeatures(t *testing.T) {
	key := []byte("0123456789abcdef")
	encrypt := func(text string) string {
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		pad := block.BlockSize() - len(text)%block.BlockSize()
		data := []byte(text + strings.Repeat(string(rune(pad)), pad))
		iv := make([]byte, block.BlockSize())
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
		encode := base64.StdEncoding.EncodeToString
		return fmt.Sprintf(`{"features": {}, "encryptedFeatures": "%s.%s"}`, encode(iv), encode(data))
	}
	g := serve(t)
	g.tell(encrypt(`{"max-uploads": {"defaultValue": 7}}`))
	f := start(t, flags.Options{Host: g.URL, DecryptionKey: base64.StdEncoding.EncodeToString(key)})
	if err := f.ended("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(max7)
	for _, text := range []string{
		encrypt(`null`), encrypt(`{`), encrypt(`[]`),
		`{"encryptedFeatures": ""}`, `{"encryptedFeatures": "a.b"}`, `{"encryptedFeatures": 1}`,
	} {
		g.tell(text)
		if err := f.look("growthbook"); err == nil {
			t.Errorf("%s: no error", text)
		}
		f.is(max7)
	}

	without := start(t, flags.Options{Host: g.URL})
	if err := without.ended("growthbook"); err == nil || !strings.Contains(err.Error(), "no key to decrypt") {
		t.Errorf("without a key: %v", err)
	}
}

// Whoever reads sees whole settings, whatever changes meanwhile.
func TestReadersAndReloadsAtOnce(t *testing.T) {
	g := serve(t)
	file := newFile(t, features(`max-uploads=1 min-rate=1`))
	opts := flags.Options{Host: g.URL, File: file, Poll: time.Millisecond}
	f := prepare(t, &opts)
	opts.After = func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) }
	opts.Observed = nil
	var err error
	if f.Flags, err = flags.New(opts); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	running.Go(func() { f.Run(ctx) })
	for range 2 {
		running.Go(func() {
			for ctx.Err() == nil {
				if v := f.Values(); int64(v.MaxUploads) != v.MinRate {
					t.Errorf("torn: %+v", v)
					return
				}
				f.Reload()
				f.Each(func(string, float64) {})
				show(t, f.Flags)
			}
		})
	}
	for n := range 100 {
		text := features(fmt.Sprintf("max-uploads=%d min-rate=%d", n, n))
		if n%2 == 0 {
			write(t, file, text)
		} else {
			g.tell(text)
		}
	}
	until(t, "the last answer holds", func() bool { return f.Values().MaxUploads == 99 })
	for _, v := range f.changes.list() {
		if int64(v.MaxUploads) != v.MinRate {
			t.Errorf("Changed heard %+v", v)
		}
	}
}
