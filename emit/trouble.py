"""Why something did not go out, for now or for good."""


class DeliveryTrouble(Exception):
    """What stands in the way; it is tried again, with all that is remembered as it was."""


class WrongLake(DeliveryTrouble):
    """What was sent came from another lake: nothing can be added to it without a person's word."""
