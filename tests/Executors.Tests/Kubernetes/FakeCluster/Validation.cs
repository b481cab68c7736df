using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Validation of objects: 422 with each invalid field.</summary>
internal static partial class Validation
{
    private const int LongestSecret = 1024 * 1024;
    private const string NameRule =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
        + "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string LabelRule =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
        + "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    private const string KeyRule =
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
        + "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

    /// <summary>Refuses an invalid object; <paramref name="before"/> is the object that an update replaces.</summary>
    public static void Check(Kind kind, JsonObject found, JsonObject? before)
    {
        var faults = new List<Fault>();
        if (string.IsNullOrEmpty(found.Text("metadata", "name")))
        {
            faults.Add(Fault.Required("metadata.name", "name or generateName is required"));
        }
        else
        {
            if (!NameText().IsMatch(found.Name()))
            {
                faults.Add(Fault.Invalid("metadata.name", $"\"{found.Name()}\"", NameRule));
            }

            Labels(found.At("metadata", "labels"), "metadata.labels", faults);
            switch (kind.Name)
            {
                case "Job":
                    Job(found, before, faults);
                    break;
                case "Secret" or "ConfigMap":
                    Data(found, faults);
                    break;
                case "Lease" when found.Number("spec", "leaseDurationSeconds") <= 0:
                    faults.Add(
                        Fault.Invalid(
                            "spec.leaseDurationSeconds",
                            found.Number("spec", "leaseDurationSeconds")!.Value.ToString(CultureInfo.InvariantCulture),
                            "must be greater than 0"
                        )
                    );
                    break;
            }
        }

        if (faults.Count > 0)
        {
            var name = found.Text("metadata", "name") ?? "";
            throw Refusal.Invalid($"{kind.QualifiedName} \"{name}\"", kind.Details(name, kind.Name), faults);
        }
    }

    /// <summary>Warnings about valid objects that look like mistakes.</summary>
    public static IEnumerable<string> Warnings(JsonObject found)
    {
        foreach (var (list, container, index) in Containers(found))
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (at, variable) in container.Items("env").Index())
            {
                if (!seen.Add(variable.Text("name") ?? ""))
                {
                    yield return string.Create(
                        CultureInfo.InvariantCulture,
                        $"spec.template.spec.{list}[{index}].env[{at}]: hides previous definition of "
                            + $"\"{variable.Text("name")}\", which may be dropped when using apply"
                    );
                }
            }
        }
    }

    private static void Job(JsonObject job, JsonObject? before, List<Fault> faults)
    {
        var name = job.Name();
        if (name.Length > 63)
        {
            // It is the value of two labels of the pod.
            faults.Add(Fault.Invalid("spec.template.labels", $"\"{name}\"", "must be no more than 63 bytes"));
            faults.Add(Fault.Invalid("spec.template.labels", $"\"{name}\"", "must be no more than 63 bytes"));
        }

        var template = job.At("spec", "template");
        Labels(template.At("metadata", "labels"), "spec.template.labels", faults);
        if (before is not null && !JsonNode.DeepEquals(template, before.At("spec", "template")))
        {
            Immutable(template, before, faults);
            return;
        }

        if (!template.Items("spec", "containers").Any())
        {
            faults.Add(Fault.Required("spec.template.spec.containers"));
        }

        foreach (var (list, container, index) in Containers(job))
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"spec.template.spec.{list}[{index}]");
            if (string.IsNullOrEmpty(container.Text("image")))
            {
                faults.Add(Fault.Required($"{path}.image"));
            }

            foreach (var (at, variable) in container.Items("env").Index())
            {
                if (!VariableText().IsMatch(variable.Text("name") ?? ""))
                {
                    faults.Add(
                        Fault.Invalid(
                            string.Create(CultureInfo.InvariantCulture, $"{path}.env[{at}].name"),
                            $"\"{variable.Text("name")}\"",
                            "a valid environment variable name must consist only of printable ASCII characters other than '='"
                        )
                    );
                }
            }
        }

        if (template.Text("spec", "restartPolicy") is not ("Never" or "OnFailure"))
        {
            faults.Add(Fault.Required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\""));
        }
    }

    private static void Immutable(JsonNode? template, JsonObject before, List<Fault> faults)
    {
        var wanted = before.At("spec", "template", "metadata", "labels")!.AsObject();
        string[] own = ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"];
        var lost = own.Where(l => template.Text("metadata", "labels", l) != wanted.Text(l)).ToList();
        faults.AddRange(lost.Select(l => Fault.Required($"spec.template.metadata.labels[{l}]", $"must be '{wanted.Text(l)}'")));
        if (lost.Count > 0)
        {
            // Reported twice: by the validation of the Job's labels and by that of its selector.
            var none = Fault.Invalid("spec.template.metadata.labels", "null", "`selector` does not match template `labels`");
            faults.AddRange([none, none]);
        }

        faults.Add(Fault.Invalid("spec.template", template?.ToJsonString() ?? "null", "field is immutable"));
    }

    private static void Data(JsonObject found, List<Fault> faults)
    {
        var data = found["data"] as JsonObject ?? [];
        faults.AddRange(data.Where(d => !KeyText().IsMatch(d.Key)).Select(d => Fault.Invalid($"data[{d.Key}]", $"\"{d.Key}\"", KeyRule)));
        var isSecret = found.Text("kind") == "Secret";
        if (
            data.Sum(d => isSecret ? Convert.FromBase64String((string)d.Value!).Length : Encoding.UTF8.GetByteCount((string)d.Value!))
            > LongestSecret
        )
        {
            faults.Add(
                new(
                    "data",
                    "FieldValueTooLong",
                    $"Too long: may not be more than {LongestSecret.ToString(CultureInfo.InvariantCulture)} bytes"
                )
            );
        }
    }

    private static void Labels(JsonNode? labels, string field, List<Fault> faults) =>
        faults.AddRange(
            (labels as JsonObject ?? [])
                .Select(l => (string?)l.Value ?? "")
                .Where(v => !LabelText().IsMatch(v))
                .Select(v => Fault.Invalid(field, $"\"{v}\"", LabelRule))
        );

    private static IEnumerable<(string List, JsonObject Container, int Index)> Containers(JsonObject job) =>
        new[] { "initContainers", "containers" }.SelectMany(l => job.Items("spec", "template", "spec", l).Select((c, i) => (l, c, i)));

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex NameText();

    [GeneratedRegex(@"\A(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\z")]
    private static partial Regex LabelText();

    [GeneratedRegex(@"\A[-._a-zA-Z0-9]+\z")]
    private static partial Regex KeyText();

    [GeneratedRegex(@"\A[\x20-\x3c\x3e-\x7e]+\z")]
    private static partial Regex VariableText();
}
