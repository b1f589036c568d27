"""Only confirmed addresses stay in `User.email`, and accounts get their skeletons."""

from django.db import migrations, models

from wallets.domain.names import email_canonical, skeleton

# An address that its user never confirmed becomes a pending one: the account keeps working, by username.
_UNCONFIRMED_SQL = """
WITH unconfirmed AS (
    UPDATE wallets_user AS u SET email = NULL
    FROM (SELECT id, email FROM wallets_user WHERE email IS NOT NULL) AS old
    WHERE u.id = old.id AND NOT EXISTS (
        SELECT FROM account_emailaddress AS a WHERE a.user_id = u.id AND a.verified AND lower(a.email) = old.email
    )
    RETURNING u.id, old.email
)
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT id, email, false, false FROM unconfirmed WHERE email <> ''
ON CONFLICT (user_id, email) DO NOTHING;
UPDATE account_emailaddress SET "primary" = false WHERE "primary" AND NOT verified;
"""


def addresses_canonical(apps, schema_editor):
    """Rewrites the few confirmed addresses that are not in ASCII. If two become one, the older account keeps it."""
    User = apps.get_model("wallets", "User")
    EmailAddress = apps.get_model("account", "EmailAddress")
    for user in User.objects.filter(email__regex=r"[^ -~]").order_by("id").iterator():
        addresses = EmailAddress.objects.filter(user_id=user.pk)
        try:
            email = email_canonical(user.email)
        except ValueError:
            email = None
        if email is None or User.objects.filter(email=email).exclude(pk=user.pk).exists():
            User.objects.filter(pk=user.pk).update(email=None)
            addresses.delete()
            continue
        User.objects.filter(pk=user.pk).update(email=email)
        addresses.filter(verified=True).update(email=email)


def skeletons_fill(apps, schema_editor):
    """Gives each account its skeleton, the oldest first. An account that looks like an older one goes without."""
    User = apps.get_model("wallets", "User")
    taken = set(User.objects.exclude(skeleton=None).values_list("skeleton", flat=True))
    batch = []
    for user in User.objects.filter(skeleton=None).order_by("id").only("username").iterator(2_000):
        shape = skeleton(user.username)
        if shape and shape not in taken:
            taken.add(shape)
            user.skeleton = shape
            batch.append(user)
        if len(batch) == 1_000:
            User.objects.bulk_update(batch, ["skeleton"])
            batch = []
    User.objects.bulk_update(batch, ["skeleton"])


class Migration(migrations.Migration):
    # Not one long database transaction, so that the site goes on. Each step can be repeated if the migration is cut off.
    atomic = False

    dependencies = [
        ("wallets", "0010_names_and_addresses"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [
        migrations.RunSQL(_UNCONFIRMED_SQL, migrations.RunSQL.noop),
        migrations.RunPython(addresses_canonical, migrations.RunPython.noop),
        migrations.RunPython(skeletons_fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email__isnull", True), models.Q(("email", ""), _negated=True), _connector="OR"),
                name="user_email_not_empty",
            ),
        ),
    ]
