"""The errors that the program expects; each message is one or more complete sentences, without credentials.

    ReportedError                the program ends with its message, without a traceback
    ├── SettingsError            settings/errors.py: every mistake in the stack file
    ├── PreflightError           preflight/report.py: what would fail later
    ├── AdoptionError            adoption/errors.py: a release installed by hand that cannot be read or taken over
    ├── DebugOutputError         program/debug_output.py: a run whose debug output would contain secrets
    ├── DebugLogError            program/debug_log.py: a command of Pulumi whose secrets are not known
    ├── StagingError             program/build_context.py: a build context that cannot be fetched, read or written
    ├── PullError                program/base_image.py: a base image that the Docker engine cannot pull
    ├── MirrorError              program/mirror.py: an image of the vendor that cannot be copied
    ├── PulumiError              review/engine.py: the pulumi command, or a stack that it does not know
    ├── PreviewError             review/preview.py: a preview that cannot be read
    ├── PublishError             review/publish.py: a host that does not take a report
    └── RemoteError              clients/errors.py: no usable answer from outside; its `cause` says why
        ├── GitError             clients/git/errors.py: a Git host
        ├── WebError             clients/http.py: any host that speaks HTTP
        ├── RegistryError        clients/registry.py: a container registry that refuses
        ├── MissingChartError    clients/charts.py: a chart or version that a repository lacks
        ├── RenderError          clients/helm/render.py: a chart that does not render
        ├── EngineError          clients/docker.py: a Docker engine
        ├── ClusterError         clients/kubernetes.py: no answer
        └── RefusedError         clients/kubernetes.py: an answer with an error status

`__main__`, `python -m review`, `adoption` and `program.debug_log` catch ReportedError; a test derives the same tree from the classes.

Others have no stack key yet, so whoever calls adds it and raises one of the above:

    AddressError                 domain/address.py: an address of a repository that cannot be read
    LinkError                    domain/links.py: a symbolic link that leads out of its repository
    PlainYamlError               domain/plain_yaml.py: YAML that cannot be read
    HelmYamlError                settings/helm_yaml.py: a file of values that cannot be read as Helm reads it
    PackageError                 program/package_sources.py: a dbt package that cannot be fetched
    UnstagedPackageError         program/build_context.py: the same, with its dbt project
    UnsafeLinkError              program/build_context.py: LinkError, with its folder
"""

from __future__ import annotations


class ReportedError(Exception):
    """Base of every error that ends the program with a sentence instead of a traceback."""
