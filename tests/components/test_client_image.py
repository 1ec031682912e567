"""ClientImage."""

from __future__ import annotations

import pulumi

from components.client_image import ClientImage, ClientImageArgs
from components.registry_login import RegistryLogin
from domain.build_context import BuildContext


def test_image(recorder):
    login = RegistryLogin(server="r.example.com", username="u", password=pulumi.Output.secret("canary"))

    @pulumi.runtime.test
    def check():
        image = ClientImage(
            "client",
            ClientImageArgs(
                repository="r.example.com/data/client",
                context=BuildContext(
                    folder=".build/s/context", dockerfile=".build/s/context/Dockerfile", tag="abc"
                ),
                platform="linux/amd64",
                arguments={"BASE_IMAGE": "b:1"},
                secret_arguments={"PIP_INDEX_URL": "https://u:canary@i/simple"},
                registry=login,
                cache_tags=["cache-client"],
            ),
        )

        def verify(reference):
            inputs = recorder.of_type("docker:index/image:Image")["client"]
            assert inputs["imageName"] == "r.example.com/data/client:abc"
            assert inputs["build"]["platform"] == "linux/amd64"
            images = ["r.example.com/data/client:abc", "r.example.com/data/client:cache-client"]
            assert inputs["build"]["cacheFrom"] == {"images": images}
            assert inputs["build"]["args"]["BUILDKIT_INLINE_CACHE"] == "1"
            assert inputs["build"]["context"] == ".build/s/context"
            assert inputs["registry"]["username"] == "u"
            assert "@sha256:" in reference
            assert "canary" not in recorder.in_clear()

        return image.reference.apply(verify)

    check()
