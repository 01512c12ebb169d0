"""A vendor nobody has seen before is understood by settings alone: fields, statuses, paging; no code."""

from pathlib import Path

from aiohttp import web

from exporter import app, settings
from tests import crawling

FLAVOURS = {56: "Test beam", 57: "Calibration beam"}
BEAMS = [
    {
        "Beam_Key": f"B{number}",
        "caption": f"Beam {number}",
        "health": "glowing" if number % 5 else "dark",
        "flavour": FLAVOURS.get(number, "Ku spot"),
        "hub": {"site": "Perth"},
        "traits": [{"name": "EIRP", "value": {"value": "48.5", "alias": "dBW"}}],
        "touched": "2026-01-02 03:04:05",
    }
    for number in range(1, 58)
]

EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "made-up-vendor.yaml"
URL = "SES_INVENTORY_APIS__TMF638__URL"


async def beams(request: web.Request) -> web.Response:
    sheet, rows = int(request.query["sheet"]), int(request.query["rows"])
    return web.json_response({"records": BEAMS[sheet * rows : (sheet + 1) * rows]})


async def test_a_made_up_vendor_is_understood_by_settings_alone() -> None:
    vendor = web.Application()
    vendor.router.add_get("/inventory/beams", beams)
    runner = web.AppRunner(vendor)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        here = {URL: f"http://127.0.0.1:{runner.addresses[0][1]}/inventory"}
        async with app.built(settings.load(EXAMPLE, here)) as built:
            await built.pollers[0].refresh()
            assert built.pollers[0].status.complete, built.pollers[0].status
            info = crawling.lines(built, "ses_inventory_carrier_info")
            assert len(info) == 56, "the test beam is excluded"
            assert crawling.lines(built, 'ses_inventory_carrier_info{carrier_id="B5"') == [
                'ses_inventory_carrier_info{carrier_id="B5",name="Beam 5",description="",'
                'carrier_type="Ku spot",specification="",gateway="Perth",terminal="",'
                'satellite="",transponder="",party=""} 1'
            ]
            counts = crawling.lines(built, 'ses_inventory_carriers{status="dark"')
            assert 'ses_inventory_carriers{status="dark",carrier_type="Ku spot"} 11' in counts
            assert crawling.lines(built, 'ses_inventory_carrier_operational{carrier_id="B5"}')[0].endswith(
                " 0"
            )
            assert crawling.lines(built, 'ses_inventory_carrier_eirp_watts{carrier_id="B6"}')[0].endswith(
                " 97"
            )
            BEAMS[56]["health"] = BEAMS[55]["health"] = BEAMS[0]["health"] = "dark"
            await built.pollers[0].refresh()
            status = "ses_inventory_carrier_status{carrier_id="
            assert crawling.lines(built, f'{status}"B57"') == [f'{status}"B57",status="glowing"}} 1']
            assert crawling.lines(built, f'{status}"B1"') == [f'{status}"B1",status="dark"}} 1']
    finally:
        await runner.cleanup()
