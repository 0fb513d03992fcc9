package flags_test

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"

	"plateau/server/flags"
)

func TestNumbersAreClamped(t *testing.T) {
	bounds := map[string]flags.Bounds{"buffer-pool": {Min: 1 << 20, Max: 8 << 20}}
	of := map[string]func(flags.Values) int64{
		"write-block": func(v flags.Values) int64 { return v.WriteBlock },
		"buffer-pool": func(v flags.Values) int64 { return v.BufferPool },
		"max-uploads": func(v flags.Values) int64 { return int64(v.MaxUploads) },
		"min-rate":    func(v flags.Values) int64 { return v.MinRate },
	}
	for _, test := range []struct {
		name, value string
		want        int64
		clamped     bool
	}{
		{"write-block", `0`, 4 << 10, true},
		{"write-block", `-1`, 4 << 10, true},
		{"write-block", `"1KiB"`, 4 << 10, true},
		{"write-block", `4095`, 4 << 10, true},
		{"write-block", `4096`, 4 << 10, false},
		{"write-block", `"4KiB"`, 4 << 10, false},
		{"write-block", `65536.0`, 64 << 10, false},
		{"write-block", `"65536"`, 64 << 10, false},
		{"write-block", `16777216`, 16 << 20, false},
		{"write-block", `16777217`, 16 << 20, true},
		{"write-block", `"1TiB"`, 16 << 20, true},
		{"write-block", `1e300`, 16 << 20, true},
		{"buffer-pool", `1`, 1 << 20, true},
		{"buffer-pool", `"8MiB"`, 8 << 20, false},
		{"buffer-pool", `"9MiB"`, 8 << 20, true},
		{"max-uploads", `0`, 0, false},
		{"max-uploads", `-0`, 0, false},
		{"max-uploads", `-5`, 0, true},
		{"max-uploads", `1`, 1, false},
		{"max-uploads", `9007199254740993`, math.MaxInt32, true},
		{"max-uploads", `-1e300`, 0, true},
		{"min-rate", `0`, 0, false},
		{"min-rate", `"0"`, 0, false},
		{"min-rate", `"1KiB"`, 1 << 10, false},
		{"min-rate", `"8388607TiB"`, 1 << 40, true},
	} {
		t.Run(test.name+" "+test.value, func(t *testing.T) {
			f := start(t, flags.Options{File: newFile(t, features(test.name+"="+test.value)), Bounds: bounds})
			if got := of[test.name](f.Values()); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
			if said := f.log.count("its bounds") > 0; said != test.clamped {
				t.Errorf("the log says that it was clamped: %v, want %v\n%s", said, test.clamped, f.log)
			}
		})
	}
}

// The operator's own word is never out of bounds.
func TestConfiguredValueWidensBounds(t *testing.T) {
	opts := flags.Options{Defaults: defaults(), File: newFile(t, features(`write-block="1TiB" buffer-pool=1`))}
	opts.Defaults.WriteBlock, opts.Defaults.BufferPool = 64<<20, 1<<10
	f := start(t, opts)
	if v := f.Values(); v.WriteBlock != 64<<20 || v.BufferPool != 1<<10 {
		t.Errorf("%+v", v)
	}
}

func TestEachChangeIsOneLine(t *testing.T) {
	path := newFile(t, features(`write-block="64KiB" max-uploads=7 multipart=false`))
	f := start(t, flags.Options{File: path})
	write(t, path, features(`write-block=65537 multipart=false log-level="debug" min-rate=1024 profiling=true`))
	f.look("file")
	var got []string
	for line := range strings.SplitSeq(f.log.String(), "\n") {
		if _, change, ok := strings.Cut(line, `msg="flag changed" `); ok {
			got = append(got, change)
		}
	}
	want := []string{
		`flag=write-block change="1MiB → 64KiB" source=file`,
		`flag=max-uploads change="0 → 7" source=file`,
		`flag=multipart change="true → false" source=file`,
		`flag=write-block change="64KiB → 65537" source=file`,
		`flag=max-uploads change="7 → 0" source=default`,
		`flag=min-rate change="0 → 1KiB" source=file`,
		`flag=log-level change="info → debug" source=file`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A change of the level is logged while one of both levels lets it through.
func TestChangeOfLevelIsLogged(t *testing.T) {
	var now slog.LevelVar
	log := &lines{}
	file := newFile(t, features(`log-level="error"`))
	opts := flags.Options{
		Defaults: defaults(), File: file,
		Log:     slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: &now})),
		Changed: func(v flags.Values) { now.Set(v.LogLevel) },
	}
	if _, err := flags.New(opts); err != nil {
		t.Fatal(err)
	}
	if log.count("info → error") != 1 {
		t.Errorf("to error: logged %q", log)
	}
	opts.Defaults.LogLevel = slog.LevelError
	write(t, file, features(`log-level="info"`))
	if _, err := flags.New(opts); err != nil {
		t.Fatal(err)
	}
	if log.count("error → info") != 1 {
		t.Errorf("to info: logged %q", log)
	}
}

func TestEachFlagHasANumber(t *testing.T) {
	f := start(t, flags.Options{File: newFile(t, features(`max-uploads=7 multipart=false log-level="warn"`))})
	var got []string
	f.Each(func(name string, value float64) { got = append(got, fmt.Sprint(name, "=", value)) })
	want := "write-block=1.048576e+06 buffer-pool=4.194304e+06 max-uploads=7 multipart=0 min-rate=0 log-level=4 profiling=1"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	opts := flags.Options{
		Defaults: flags.Values{BufferPool: -1, MaxUploads: -1},
		Bounds:   map[string]flags.Bounds{"multipart": {}, "min-rate": {Min: 2, Max: 1}},
		Host:     "cdn.growthbook.io", Poll: -1,
	}
	_, err := flags.New(opts)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		"write-block has no default", "default of buffer-pool", "default of max-uploads", `"multipart"`, "bounds of min-rate",
		"ClientKey", "Host must", "Poll",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error doesn't say %q:\n%v", part, err)
		}
	}
}

// The example in the package's documentation is one.
func TestDocumentedFile(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "//\t{")
	example, _, _ = strings.Cut(example, "//\n")
	file := newFile(t, "{"+strings.ReplaceAll(example, "//\t", ""))
	f := start(t, flags.Options{File: file, Attributes: map[string]any{"host": "upload-3"}})
	f.is(func(v *flags.Values) { v.WriteBlock, v.MaxUploads, v.LogLevel = 64<<10, 200, slog.LevelDebug })
}
