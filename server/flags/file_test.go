package flags_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/server/flags"
)

func max7(v *flags.Values) { v.MaxUploads = 7 }
func max8(v *flags.Values) { v.MaxUploads = 8 }

func TestFileIsReadByNew(t *testing.T) {
	for _, text := range []string{
		features(`max-uploads=7`),
		`{"max-uploads": {"defaultValue": 7}}`, // bare
		`{"max-uploads": {"rules": [{"force": 7}]}, "multipart": null}`,
	} {
		f := start(t, flags.Options{File: newFile(t, text)})
		f.is(max7)
		if got := f.changes.list(); len(got) != 1 || got[0] != f.Values() {
			t.Errorf("Changed heard %+v", got)
		}
	}
}

func TestChangedIsCalledOnceByNewThoughNothingChanged(t *testing.T) {
	f := start(t, flags.Options{})
	if got := f.changes.list(); len(got) != 1 || got[0] != defaults() {
		t.Errorf("Changed heard %+v", got)
	}
}

func TestNewRefusesFile(t *testing.T) {
	folder := t.TempDir()
	for name, test := range map[string]struct {
		path string
		says []string
	}{
		"missing":     {filepath.Join(folder, "none"), []string{"no such file"}},
		"a folder":    {folder, []string{"not a file"}},
		"empty":       {newFile(t, ""), []string{"JSON"}},
		"malformed":   {newFile(t, `{"features": {`), []string{"JSON"}},
		"too large":   {newFile(t, features("")+strings.Repeat(" ", 1<<20)), []string{"1 MiB"}},
		"bare values": {newFile(t, `{"max-uploads": 7, "min-rate": "1KiB"}`), []string{`"max-uploads" must`, `"min-rate" must`}},
		"wrong kinds": {
			newFile(t, features(`max-uploads="7" min-rate=true write-block="64KB" buffer-pool=1.5 multipart=1 profiling="yes" `+
				`log-level="INFO"`)),
			[]string{
				"max-uploads must", "min-rate must", "write-block must", "buffer-pool must", "multipart must", "profiling must",
				"log-level must",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := flags.Options{File: test.path}
			prepare(t, &opts)
			_, err := flags.New(opts)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error doesn't say %q:\n%v", part, err)
				}
			}
		})
	}
}

func TestFileIsSeenHoweverItChanges(t *testing.T) {
	path := newFile(t, features(`max-uploads=7`))
	f := start(t, flags.Options{File: path})

	write(t, path, features(`max-uploads=8`)) // in place, as long as before
	f.look("file")
	f.is(max8)

	next := newFile(t, features(`max-uploads=7`))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(next, info.ModTime(), info.ModTime()); err != nil { // as some tools do
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	f.look("file")
	f.is(max7)

	write(t, path, features(``))
	f.Reload()
	f.ended("file")
	f.is(unchanged)
}

func TestHalfWrittenFileIsWaitedFor(t *testing.T) {
	path := newFile(t, features(`max-uploads=7`))
	f := start(t, flags.Options{File: path})
	whole := features(`max-uploads=8`)
	for _, length := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		write(t, path, whole[:length])
		f.doubt()
		f.is(max7)
	}
	write(t, path, whole)
	if err := f.look("file"); err != nil {
		t.Fatal(err)
	}
	f.is(max8)
	if f.log.count("can't be had") > 0 {
		t.Errorf("a file that was being written made a noise:\n%s", f.log)
	}
}

func TestMalformedFileKeepsValues(t *testing.T) {
	path := newFile(t, features(`max-uploads=7`))
	f := start(t, flags.Options{File: path})
	write(t, path, `{"features": {"max-uploads": {"defaultValue": 8}}`)
	f.doubt()
	for range 3 {
		if err := f.look("file"); err == nil {
			t.Fatal("no error")
		}
	}
	f.is(max7)
	write(t, path, features(`max-uploads=7`)) // as it was
	for range 2 {
		if err := f.look("file"); err != nil {
			t.Fatal(err)
		}
	}
	if begun, over := f.log.count("can't be had"), f.log.count("had again"); begun != 1 || over != 1 {
		t.Errorf("the trouble was said %d times and its end %d times:\n%s", begun, over, f.log)
	}
}

func TestMissingFileKeepsValues(t *testing.T) {
	path := newFile(t, features(`max-uploads=7`))
	f := start(t, flags.Options{File: path})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.look("file"); err == nil {
			t.Fatal("no error")
		}
	}
	f.is(max7)
	write(t, path, features(`max-uploads=8`))
	if err := f.look("file"); err != nil {
		t.Fatal(err)
	}
	f.is(max8)
	if begun, over := f.log.count("can't be had"), f.log.count("had again"); begun != 1 || over != 1 {
		t.Errorf("the trouble was said %d times and its end %d times:\n%s", begun, over, f.log)
	}
}

// A flag that makes no sense stays as it was, and the others take effect.
func TestWrongKindLeavesThatFlag(t *testing.T) {
	path := newFile(t, features(`max-uploads=7 multipart=false`))
	f := start(t, flags.Options{File: path})
	write(t, path, features(`max-uploads="many" multipart=true min-rate="fast" write-block="64KiB"`))
	f.look("file")
	f.is(func(v *flags.Values) { v.MaxUploads, v.WriteBlock = 7, 64<<10 })
	write(t, path, features(`max-uploads="many" min-rate="fast"`))
	f.look("file")
	f.is(max7)
	for _, text := range []string{`max-uploads must be a whole number, not \"many\"`, `min-rate must be a whole number of bytes`} {
		if n := f.log.count(text); n != 1 {
			t.Errorf("%s: said %d times, want 1:\n%s", text, n, f.log)
		}
	}
	write(t, path, features(``))
	f.look("file")
	f.is(unchanged)
}
