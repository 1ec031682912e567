"""The errors that the program expects; each message is one or more complete sentences, without credentials.

    ReportedError                the program ends with its message, without a traceback
    ├── SettingsError            settings/errors.py: every mistake in the stack file
    ├── PreflightError           preflight/report.py: what would fail later
    ├── AdoptionError            adoption/errors.py: a release installed by hand that cannot be read or taken over
    ├── StagingError             program/build_context.py: a build context that cannot be fetched, read or written
    ├── PullError                program/base_image.py: a base image that the Docker engine cannot pull
    ├── MirrorError              program/mirror.py: an image of the vendor that cannot be copied
    └── RemoteError              clients/errors.py: no usable answer from outside; its `cause` says why
        ├── GitError             clients/git/errors.py: a Git host
        ├── WebError             clients/http.py: any host that speaks HTTP
        ├── RegistryError        clients/registry.py: a container registry that refuses
        ├── MissingChartError    clients/charts.py: a chart or version that a repository lacks
        ├── RenderError          clients/helm/render.py: a chart that does not render
        ├── EngineError          clients/docker.py: a Docker engine
        ├── ClusterError         clients/kubernetes.py: no answer
        └── RefusedError         clients/kubernetes.py: an answer with an error status

`__main__` catches ReportedError; a test derives the same tree from the classes.
"""

from __future__ import annotations


class ReportedError(Exception):
    """Base of every error that ends the program with a sentence instead of a traceback."""
