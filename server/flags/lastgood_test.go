package flags_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/server/flags"
)

// kept runs once with a server that tells a payload, and returns where its answer was kept.
func kept(t *testing.T, g *growthbook, payload string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flags")
	g.tell(payload)
	f := start(t, flags.Options{Host: g.URL, LastGood: path})
	if err := f.ended("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.end()
	g.answer(502, "")
	return path
}

func TestRestartHasTheLastGoodAnswer(t *testing.T) {
	g := serve(t)
	path := kept(t, g, features(`write-block="64KiB" max-uploads=7 multipart=false log-level="warn" other="x"`))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), clientKey) {
		t.Errorf("the client key is in it:\n%s", text)
	}

	opts := flags.Options{Host: g.URL, LastGood: path}
	f := prepare(t, &opts)
	if f.Flags, err = flags.New(opts); err != nil { // without Run
		t.Fatal(err)
	}
	want := defaults()
	want.WriteBlock, want.MaxUploads, want.Multipart, want.LogLevel = 64<<10, 7, false, 4
	if f.Values() != want {
		t.Errorf("%+v, want %+v", f.Values(), want)
	}
	if s := show(t, f.Flags).sources["growthbook"]; s["restored"] != true || s["lastSuccess"] != nil {
		t.Errorf("its status is %v", s)
	}

	again := start(t, opts)
	if again.ended("growthbook") == nil {
		t.Fatal("no error")
	}
	if again.Values() != want {
		t.Errorf("after a poll that failed: %+v, want %+v", again.Values(), want)
	}
	g.tell(features(`max-uploads=8`))
	if err := again.look("growthbook"); err != nil {
		t.Fatal(err)
	}
	again.is(max8)
	if s := show(t, again.Flags).sources["growthbook"]; s["restored"] != false {
		t.Errorf("its status is %v", s)
	}
}

// A flag that was refused is kept as it was in force.
func TestLastGoodHoldsWhatWasInForce(t *testing.T) {
	g := serve(t)
	path := filepath.Join(t.TempDir(), "flags")
	g.tell(features(`max-uploads=7`))
	f := start(t, flags.Options{Host: g.URL, LastGood: path})
	f.ended("growthbook")
	g.tell(features(`max-uploads="many" multipart=false`))
	f.look("growthbook")
	f.end()
	g.answer(502, "")
	start(t, flags.Options{Host: g.URL, LastGood: path}).is(func(v *flags.Values) { v.MaxUploads, v.Multipart = 7, false })
}

func TestLastGoodOfAnotherKeyIsNotUsed(t *testing.T) {
	g := serve(t)
	path := kept(t, g, features(`max-uploads=7`))
	f := start(t, flags.Options{Host: g.URL, ClientKey: "sdk-other", LastGood: path})
	f.is(unchanged)
	if f.log.count("another client key's") != 1 {
		t.Errorf("the log doesn't say why:\n%s", f.log)
	}
}

func TestLastGoodThatMakesNoSenseIsNotUsed(t *testing.T) {
	g := serve(t)
	for _, text := range []string{"", "{", "[]", "null", features(`max-uploads=7`), strings.Repeat(" ", 1<<20+1)} {
		f := start(t, flags.Options{Host: g.URL, LastGood: newFile(t, text)})
		f.is(unchanged)
		if f.log.count("last good answer can't be used") != 1 {
			t.Errorf("the log doesn't say so:\n%s", f.log)
		}
	}
}

func TestAnswerThatCannotBeKeptStillHolds(t *testing.T) {
	g := serve(t)
	g.tell(features(`max-uploads=7`))
	folder := filepath.Join(t.TempDir(), "later")
	f := start(t, flags.Options{Host: g.URL, LastGood: filepath.Join(folder, "flags")})
	f.ended("growthbook")
	f.look("growthbook")
	f.is(max7)
	if f.log.count("can't be kept") != 1 {
		t.Errorf("not said once:\n%s", f.log)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	f.look("growthbook") // 304, but it isn't kept yet
	if _, err := os.Stat(filepath.Join(folder, "flags")); err != nil {
		t.Error(err)
	}
	if f.log.count("kept again") != 1 {
		t.Errorf("its end wasn't said once:\n%s", f.log)
	}
	if names, _ := filepath.Glob(filepath.Join(folder, "*")); len(names) != 1 {
		t.Errorf("the folder has %v", names)
	}
}
