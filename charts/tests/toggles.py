"""Everything in values.yaml that switches something on or over, each as a layer of values."""

from typing import Any

PEER = [{"namespaceSelector": {"matchLabels": {"team": "sre"}}}]
PLACED: dict[str, Any] = {
    "podAnnotations": {"example.org/a": "b"},
    "podLabels": {"team": "ci"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "ci", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
    "scratchSize": "2Gi",
}

TOGGLES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "digest": {"image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]}},
    "names": {"nameOverride": "pg", "fullnameOverride": "healer"},
    "act": {"mode": "act", "log": {"format": "console", "level": "debug"}},
    "policy": {"policy": "max_reruns: 1\n"},
    "rules": {"rules": {"acme.yaml": "rules: []\n"}},
    "sign-in": {
        "publicUrl": "https://guard.example.org",
        "oidc": {
            "issuer": "https://id.example.org",
            "clientId": "guard",
            "groups": "sre=admin,*=read",
            "existingSecret": "guard-oidc",
        },
    },
    "redis": {"redis": {"existingSecret": "guard-redis", "key": "address"}},
    "github": {"github": {"enabled": True, "existingSecret": "guard-github", "appId": "12"}},
    "gitlab": {"gitlab": {"enabled": True, "existingSecret": "guard-gitlab"}},
    "buildbot": {
        "buildbot": {"enabled": True, "existingSecret": "bb", "url": "http://buildbot:8010"}
    },
    "environment": {
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraEnvFromSecrets": ["more"],
    },
    "web scales": {"web": {"autoscaling": {"enabled": True}}},
    "workers scale on cpu": {"worker": {"autoscaling": {"type": "cpu"}}},
    "workers scale by keda": {"worker": {"autoscaling": {"type": "keda"}}},
    "placed": {"web": PLACED, "worker": PLACED},
    "no migration": {"migrate": {"enabled": False}},
    "another account": {"serviceAccount": {"create": False, "name": "other"}},
    "account": {"serviceAccount": {"annotations": {"example.org/role": "guard"}}},
    "service": {"service": {"type": "LoadBalancer", "port": 8080, "annotations": {"a/b": "c"}}},
    "ingress": {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "hosts": ["guard.example.org", "hooks.example.org"],
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "25m"},
            "tlsSecret": "guard-tls",
        }
    },
    "no disruption budget": {"podDisruptionBudget": {"enabled": False}},
    "network policy": {"networkPolicy": {"enabled": True}},
    "narrow network policy": {
        "networkPolicy": {
            "enabled": True,
            "ingressFrom": PEER,
            "metricsFrom": PEER,
            "egressPorts": [443],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        }
    },
    "service monitor": {"metrics": {"serviceMonitor": {"enabled": True, "labels": {"p": "k"}}}},
    "alerts": {"metrics": {"rules": {"enabled": True, "labels": {"p": "k"}}}},
    "dashboard": {"metrics": {"dashboard": {"enabled": True}}},
}
