"""Owns the settings of the web console's framework."""

import reflex as rx
from reflex_base.constants import StateManagerMode

# The built pages learn their address in the browser; this host stands in for it until then
# (see console/build.py).
PLACEHOLDER_ORIGIN = "http://crossdock.invalid"

config = rx.Config(
    app_name="console",
    app_module_import="console.console",
    api_url=PLACEHOLDER_ORIGIN,
    deploy_url=PLACEHOLDER_ORIGIN,
    # No other site may read our answers; the websocket's own check is in console/doors.py.
    cors_allowed_origins=[PLACEHOLDER_ORIGIN],
    telemetry_enabled=False,
    show_built_with_reflex=False,
    state_manager_mode=StateManagerMode.MEMORY,
    redis_token_expiration=1800,
    default_color_mode="system",
    frontend_packages=[
        "@fontsource-variable/inter@5.3.0",
        "@fontsource-variable/jetbrains-mono@5.3.0",
    ],
    plugins=[
        rx.plugins.RadixThemesPlugin(
            theme=rx.theme(
                accent_color="indigo",
                gray_color="slate",
                radius="medium",
                scaling="100%",
                panel_background="solid",
            ),
        ),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
