package scraped

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// ciVariable is set where nothing may be skipped.
const ciVariable = "CI"

// promtool runs it on an input, and skips where it is not there.
func promtool(t *testing.T, input string, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		const how = "promtool is not installed: apt-get install --no-install-recommends prometheus"
		if os.Getenv(ciVariable) != "" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "promtool %s: %s", strings.Join(arguments, " "), out)
}

// alerts are the alerting rules.
func alerts(t *testing.T) (all []struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules yaml.Node `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, rulesFile)), &file))
	require.Len(t, file.Groups, 1)
	require.NoError(t, file.Groups[0].Rules.Decode(&all))
	return all
}

var pages = regexp.MustCompile(`docs/[\w/-]+\.md`)

// Each alert says what is so and what to do, and one of the tests has it raised.
func TestEveryAlertSaysWhatToDoAndIsRaised(t *testing.T) {
	tests := read(t, testsFile)
	all := alerts(t)
	require.NotEmpty(t, all)
	for _, a := range all {
		assert.Contains(t, []string{"page", "ticket"}, a.Labels["severity"], a.Alert)
		assert.NotEmpty(t, a.Annotations["summary"], a.Alert)
		assert.NotEmpty(t, a.Annotations["remedy"], a.Alert)
		for _, page := range pages.FindAllString(a.Annotations["remedy"], -1) {
			assert.FileExists(t, "../../"+page, a.Alert)
		}
		raised, _, _ := strings.Cut(after(tests, "alertname: "+a.Alert+"\n"), "\n      - ")
		assert.Contains(t, raised, "exp_labels", "%s: no test has it raised", a.Alert)
	}
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

func TestAlertsByPromtool(t *testing.T) {
	promtool(t, "", "check", "rules", rulesFile)
	promtool(t, "", "test", "rules", testsFile)
}

// Names, units and labels are as Prometheus' own linter wants them.
func TestMetricsByPromtool(t *testing.T) {
	promtool(t, scrape(t), "check", "metrics")
}

// dashboard is what is looked at of Grafana's form.
type dashboard struct {
	Title  string `json:"title"`
	UID    string `json:"uid"`
	Panels []struct {
		ID          int            `json:"id"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Type        string         `json:"type"`
		GridPos     map[string]int `json:"gridPos"`
		FieldConfig struct {
			Defaults struct {
				Unit string `json:"unit"`
			} `json:"defaults"`
		} `json:"fieldConfig"`
		Targets []struct {
			Expr   string `json:"expr"`
			Legend string `json:"legendFormat"`
			Ref    string `json:"refId"`
		} `json:"targets"`
	} `json:"panels"`
}

// What the dashboard asks for are expressions that Prometheus takes; promtool looks at them as recording rules.
func TestTheDashboardsExpressions(t *testing.T) {
	var d dashboard
	require.NoError(t, json.Unmarshal([]byte(read(t, dashboardFile)), &d))
	assert.NotEmpty(t, d.Title)
	assert.NotEmpty(t, d.UID)
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], "two panels have the id %d", p.ID)
		ids[p.ID] = true
		for x := range p.GridPos["w"] {
			for y := range p.GridPos["h"] {
				at := [2]int{p.GridPos["x"] + x, p.GridPos["y"] + y}
				assert.Empty(t, taken[at], "%s lies over it", p.Title)
				taken[at] = p.Title
			}
		}
		assert.LessOrEqual(t, p.GridPos["x"]+p.GridPos["w"], 24, p.Title)
		assert.NotEmpty(t, p.Description, p.Title)
		assert.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			rules = append(rules, rule{"checked", strings.NewReplacer("$__rate_interval", "5m", "$job", ".*").
				Replace(target.Expr)})
			rules[len(rules)-1].Record = "checked:" + strings.Repeat("x", len(rules))
		}
	}
	raw, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dashboard.rules.yml")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	promtool(t, "", "check", "rules", file)
}
