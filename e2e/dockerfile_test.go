package e2e

import (
	"context"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// TestDockerfile parses the Dockerfile and does what it says without Docker: each stage is a folder, COPY obeys .dockerignore,
// RUN runs in the stage's folder. What comes out is started with the image's environment and asked for its health.
func TestDockerfile(t *testing.T) {
	ctx := boundedBy(t, 8*time.Minute) // it compiles all anew
	image := buildImage(ctx, t, "..", map[string]string{"VERSION": "v0.0.0-test"})

	bin := filepath.Join(image.root, image.entrypoint[0])
	if len(image.entrypoint) != 1 || image.health[0] != image.entrypoint[0] {
		t.Errorf("the image starts %q and asks %q for its health", image.entrypoint, image.health)
	}
	file, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the program in the image is not static")
	}
	said, err := exec.CommandContext(ctx, bin, "version").Output()
	if err != nil || !strings.HasPrefix(string(said), "plateau v0.0.0-test ") {
		t.Errorf("version says %q, %v", said, err)
	}
	data := filepath.Join(image.root, image.volume)
	if info, err := os.Stat(data); err != nil || !info.IsDir() || image.owner[data] != image.user || !slices.Contains(image.env, "PLATEAU_DATA_DIR="+image.volume) {
		t.Errorf("the image's volume %s has to be the data folder of %s: owner %q, environment %v, %v", image.volume, image.user, image.owner[data], image.env, err)
	}
	if image.user == "" || strings.HasPrefix(image.user, "0") || image.user == "root" {
		t.Errorf("the image runs as %q", image.user)
	}

	refused := exec.CommandContext(ctx, bin, "config") // which checks as serve does, and listens nowhere
	refused.Env = slices.Concat(image.env, []string{"PLATEAU_DATA_DIR=" + t.TempDir()})
	if text, err := refused.CombinedOutput(); exitCode(err) != 2 || !strings.Contains(string(text), "auth") {
		t.Errorf("open to everybody without --auth none said out loud: exit %d, %s", exitCode(err), text)
	}

	addr := freeAddr(t)
	env := slices.Concat(image.env, []string{"PLATEAU_DATA_DIR=" + t.TempDir(), "PLATEAU_LISTEN=" + addr, "PLATEAU_ADMIN_LISTEN="})
	server := &process{bin: bin, log: newLineLog(t, "the image"), env: env}
	t.Cleanup(server.kill)
	server.start(t)
	health := func() int {
		cmd := exec.CommandContext(ctx, bin, image.health[1:]...)
		cmd.Env = env
		return exitCode(cmd.Run())
	}
	await(ctx, t, "the image is healthy", func() bool { return health() == 0 })
	if page := newTus(ctx, "http://"+addr+"/").get("/"); page.status != http.StatusOK || !strings.Contains(page.body, "<script") {
		t.Errorf("the image has no page: %v", page)
	}
	server.kill()
	if got := health(); got != 1 {
		t.Errorf("with the server gone its health check exits with %d", got)
	}
}

// imageStage is one stage of the build, the last one the image.
type imageStage struct {
	root   string // the folder that stands for its file system
	dir    string // WORKDIR, below root
	env    []string
	user   string
	volume string
	owner  map[string]string // of what was copied with --chown
	health []string          // HEALTHCHECK's command

	entrypoint []string
}

// buildImage builds as docker build would, as far as this Dockerfile needs it; what it does not know fails.
func buildImage(ctx context.Context, t *testing.T, repository string, args map[string]string) *imageStage {
	t.Helper()
	file := filepath.Join(repository, "Dockerfile")
	stages := map[string]*imageStage{}
	var stage *imageStage
	for _, step := range parseDockerfile(ctx, t, file) {
		words := strings.Fields(step.Rest)
		switch step.Keyword {
		case "FROM":
			stage = &imageStage{root: t.TempDir(), dir: "/", owner: map[string]string{}}
			if len(words) == 3 {
				stages[words[2]] = stage
			}
			if version, isGo := strings.CutPrefix(words[0], "golang:"); isGo {
				version, _, _ = strings.Cut(version, "-")
				if mod, err := os.ReadFile(filepath.Join(repository, "go.mod")); err != nil || !strings.Contains(string(mod), "\ngo "+version) {
					t.Errorf("the image is built with Go %s, go.mod wants another: %v", version, err)
				}
			}
		case "ARG":
			stage.env = append(stage.env, words[0]+"="+args[words[0]])
		case "ENV":
			stage.env = append(stage.env, words...)
		case "WORKDIR":
			stage.dir = words[0]
			must(t, os.MkdirAll(filepath.Join(stage.root, stage.dir), 0o755))
		case "COPY":
			from, out := repository, stage.path(words[len(words)-1])
			keep := contextFilter(t, repository)
			stage.owner[out] = step.Flags["chown"]
			if name := step.Flags["from"]; name != "" {
				from, keep = stages[name].root, func(string) bool { return true }
			}
			for _, source := range words[:len(words)-1] {
				if strings.HasPrefix(source, "/etc/") {
					continue // of the base image
				}
				copyInto(t, from, filepath.Clean(source), out, keep)
			}
		case "RUN":
			if words[0] != "make" {
				t.Errorf("RUN %s: each step is a make target", step.Rest)
			}
			cmd := exec.CommandContext(ctx, "sh", "-c", step.Rest)
			cmd.Dir, cmd.Env = filepath.Join(stage.root, stage.dir), slices.Concat(os.Environ(), stage.env)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", step.Rest, err, text)
			}
		case "USER":
			stage.user = words[0]
		case "HEALTHCHECK":
			must(t, json.Unmarshal([]byte(strings.TrimPrefix(step.Rest, "CMD ")), &stage.health))
		case "VOLUME":
			stage.volume = words[0]
		case "ENTRYPOINT":
			must(t, json.Unmarshal([]byte(step.Rest), &stage.entrypoint))
		case "EXPOSE", "STOPSIGNAL":
		default:
			t.Fatalf("the test does not know %s", step.Keyword)
		}
	}
	return stage
}

type dockerfileStep struct {
	Keyword string
	Flags   map[string]string
	Rest    string
}

// parseDockerfile has Docker's own grammar checked by a library.
func parseDockerfile(ctx context.Context, t *testing.T, file string) []dockerfileStep {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node", "node_modules", "dockerfile-utils")); err != nil {
		missing(t, "dockerfile-utils", "npm ci --prefix e2e/node")
	}
	text, err := exec.CommandContext(ctx, "node", filepath.Join("node", "dockerfile.mjs"), file).Output()
	if err != nil {
		t.Fatalf("parse %s: %v", file, err)
	}
	var parsed struct {
		Problems []string
		Steps    []dockerfileStep
	}
	must(t, json.Unmarshal(text, &parsed))
	for _, problem := range parsed.Problems {
		t.Errorf("%s: %s", file, problem)
	}
	return parsed.Steps
}

// path is where a destination lies in the stage's folder; one that ends in a slash keeps it.
func (s *imageStage) path(destination string) string {
	suffix := ""
	if strings.HasSuffix(destination, "/") {
		suffix = "/"
	}
	if !strings.HasPrefix(destination, "/") {
		destination = filepath.Join(s.dir, destination)
	}
	return filepath.Join(s.root, destination) + suffix
}

// contextFilter says which files of the repository reach Docker.
func contextFilter(t *testing.T, repository string) func(string) bool {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, ".dockerignore"))
	must(t, err)
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	must(t, err)
	matcher, err := patternmatcher.New(patterns)
	must(t, err)
	return func(path string) bool {
		ignored, err := matcher.MatchesOrParentMatches(path)
		must(t, err)
		return !ignored
	}
}

// copyInto copies a file, or what a folder holds, as COPY does.
func copyInto(t *testing.T, from, source, out string, keep func(string) bool) {
	t.Helper()
	top := filepath.Join(from, source)
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		must(t, err)
		if entry.IsDir() {
			if entry.Name() == "node_modules" && !keep(name) || entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if !keep(name) {
			return nil
		}
		below, err := filepath.Rel(top, path)
		must(t, err)
		to := filepath.Join(out, below)
		if below == "." && strings.HasSuffix(out, "/") {
			to = filepath.Join(out, entry.Name())
		}
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		info, err := entry.Info()
		must(t, err)
		content, err := os.ReadFile(path)
		must(t, err)
		return os.WriteFile(to, content, info.Mode().Perm())
	})
	must(t, err)
	if _, err := os.Stat(top); err == nil {
		must(t, os.MkdirAll(filepath.Dir(out), 0o755))
		if info, _ := os.Stat(top); info.IsDir() {
			must(t, os.MkdirAll(out, 0o755))
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
